use axum::http::StatusCode;

/// Titles and sentences of a status: French title, English title, French sentence, English sentence.
pub(super) fn standard(status: StatusCode) -> (&'static str, &'static str, &'static str, &'static str) {
    match status.as_u16() {
        400 => {
            ("Requête mal formée", "Bad request", "La requête est mal formée.", "The request is malformed.")
        }
        401 => ("Non authentifié", "Not signed in", "Connectez-vous pour faire cela.", "Sign in to do this."),
        403 => ("Interdit", "Forbidden", "Vous n'avez pas le droit de faire cela.", "You may not do this."),
        404 => (
            "Introuvable",
            "Not found",
            "Il n'y a rien à cette adresse.",
            "There is nothing at this address.",
        ),
        405 => (
            "Méthode refusée",
            "Method not allowed",
            "Cette méthode n'est pas possible ici ; l'en-tête Allow dit lesquelles le sont.",
            "This method is not possible here; the Allow header says which are.",
        ),
        406 => (
            "Pas dans ce format",
            "Not acceptable",
            "Cela n'existe pas dans ce format.",
            "This does not exist in that format.",
        ),
        408 => {
            ("Trop lent", "Request timeout", "La requête a mis trop de temps.", "The request took too long.")
        }
        409 => (
            "Conflit",
            "Conflict",
            "L'état actuel ne le permet pas.",
            "The present state does not allow this.",
        ),
        410 => ("Disparu", "Gone", "Cela n'existe plus.", "This is no longer there."),
        411 => (
            "Longueur requise",
            "Length required",
            "L'en-tête Content-Length manque.",
            "The Content-Length header is missing.",
        ),
        412 => (
            "Condition non remplie",
            "Precondition failed",
            "Une condition de la requête n'est pas remplie.",
            "A condition of the request is not met.",
        ),
        413 => ("Trop gros", "Too large", "La requête est trop grosse.", "The request is too large."),
        415 => (
            "Type inconnu",
            "Unsupported media type",
            "Ce type de contenu n'est pas accepté ici.",
            "This type of content is not taken here.",
        ),
        416 => (
            "Plage impossible",
            "Range not satisfiable",
            "La plage demandée est hors du fichier.",
            "The range asked for is outside the file.",
        ),
        422 => ("Refusé", "Refused", "La demande est comprise mais refusée.", "Understood, but refused."),
        429 => (
            "Trop de requêtes",
            "Too many requests",
            "Trop de requêtes ; réessayez plus tard.",
            "Too many requests; try again later.",
        ),
        503 => (
            "Surchargé",
            "Overloaded",
            "Le serveur est surchargé ; réessayez dans un instant.",
            "The server is overloaded; try again in a moment.",
        ),
        507 => (
            "Disque plein",
            "Insufficient storage",
            "Il n'y a plus de place sur le serveur.",
            "There is no room left on the server.",
        ),
        _ if status.is_client_error() => {
            ("Refusé", "Refused", "La requête est refusée.", "The request is refused.")
        }
        _ => (
            "Erreur du serveur",
            "Server error",
            "Le serveur n'a pas pu répondre.",
            "The server could not answer.",
        ),
    }
}
