//! Secrets: given as they are, in a file, or as a credential of systemd's (systemd.exec(5), "Credentials").

use std::path::{Path, PathBuf};

/// Bytes of a file that holds a secret at most.
const LONGEST: u64 = 64 << 10;

/// A secret, if there is one: what was said, else what stands in the file that was said, else the credential of this name, if
/// the service manager hands one over. A line break at its end is no part of it.
///
/// # Errors
/// A sentence: both were said, or the file cannot be read or holds none.
pub(crate) fn secret(
    name: &str,
    said: Option<String>,
    file: Option<&Path>,
    credential: Option<&str>,
) -> Result<Option<String>, String> {
    match (said, file) {
        (Some(_), Some(_)) => Err(format!("give either {name} or {name}_file")),
        (Some(said), None) => Ok(Some(said)),
        (None, Some(path)) => read(path).map(Some).map_err(|why| format!("{name}_file: {why}")),
        (None, None) => {
            let handed_over = credential.and_then(credential_file);
            handed_over.map(|path| read(&path).map_err(|why| format!("{name}: {why}"))).transpose()
        }
    }
}

/// Where the service manager put a credential, if it did.
fn credential_file(name: &str) -> Option<PathBuf> {
    let path = Path::new(&std::env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
    path.is_file().then_some(path)
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let length = std::fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?.len();
    if length > LONGEST {
        return Err(format!("{shown} is longer than a secret is ({LONGEST} bytes)"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(format!("{shown} is empty")) } else { Ok(secret.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_said_or_stands_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "hush hush\n").unwrap();
        let said = |said: Option<&str>, file| secret("token", said.map(str::to_owned), file, None);
        assert_eq!(said(Some("a"), None), Ok(Some("a".to_owned())));
        assert_eq!(said(None, Some(path.as_path())), Ok(Some("hush hush".to_owned())));
        assert_eq!(said(None, None), Ok(None));
        assert!(said(Some("a"), Some(&path)).unwrap_err().contains("either token or token_file"));
        std::fs::write(&path, "\n").unwrap();
        assert!(said(None, Some(&path)).unwrap_err().contains("is empty"));
        assert!(said(None, Some(&directory.path().join("none"))).unwrap_err().contains("cannot read"));
    }
}
