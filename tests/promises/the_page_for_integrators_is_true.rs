//! `docs/INTEGRATE.md`: its cookbook of `curl` lines, its lines for ffmpeg and its table of claims do what they say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use promises::{Server, recording, repository, tools};
use serde_json::{Value, json};
use tokio::process::Command;

const SECRET: &str = "un secret de trente-deux octets, au moins";

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/INTEGRATE.md")).expect("the page")
}

/// The blocks of a language, as they stand.
fn blocks<'a>(text: &'a str, fence: &str) -> Vec<&'a str> {
    let begin = format!("```{fence}\n");
    text.split(&begin).skip(1).filter_map(|rest| rest.split_once("```").map(|(block, _)| block)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookbook_and_the_lines_for_ffmpeg() {
    let page = page();
    let (_, cookbook) = page.split_once("## Cookbook").expect("a cookbook");
    let recipes = blocks(cookbook, "sh");
    assert_eq!(recipes.len(), 10);
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(recording("webm_vp9_opus.webm"), folder.path().join("recording.webm")).expect("a file");
    let before_the_stop = recipes.iter().position(|recipe| recipe.contains("/stop/")).expect("a stop");
    // What ffmpeg sends is another take; it need not take the time of a camera here.
    let ffmpeg = blocks(&page, "sh ffmpeg")[0].replace(" -re ", " ");
    let mut script = format!("set -euo pipefail\nBASE={}\n", server.base());
    for (number, recipe) in recipes.iter().enumerate() {
        if number == before_the_stop {
            script += &ffmpeg;
        }
        script += &format!("{recipe}\necho\n");
    }
    script += "curl -sf $BASE/api/posts/live/$ID/timeline/ | jq -r '.takes | length'\n";
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(folder.path());
    let said = String::from_utf8(tools::succeed(&mut bash).await).expect("text");
    let length = std::fs::metadata(recording("webm_vp9_opus.webm")).expect("a file").len();
    for word in [&length.to_string(), "Awa: Bonjour à tous", "Marché de Sandaga", "\"video_saved\":true"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(said.trim_end().ends_with('2'), "two takes: {said}");
    tools::decode(folder.path().join("replay.webm").to_str().expect("text")).await;
}

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(SECRET.as_bytes(), signed.as_bytes())))
}

/// RFC 2104, written down: nothing of the product signs what is tried on it.
fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let keyed = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(keyed(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(keyed(0x5C)).chain_update(inner).finalize().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_table_of_claims() {
    let server = Server::configured(&["--issuer-secret", SECRET], &[]).await;
    let seen = async |mut claims: Value| {
        claims["exp"] = json!(4_000_000_000_u64);
        let api = server.anonymous().with_token(&token(&claims));
        api.get("/api/users/my-profile/").await
    };
    let named = json!({"sub": "4711", "given_name": "Awa", "family_name": "Ndiaye", "picture": "https://app.example/awa.jpg"});
    let awa = seen(named).await.expect(200).json();
    for (field, value) in [
        ("external_id", "4711"),
        ("first_name", "Awa"),
        ("last_name", "Ndiaye"),
        ("profile_picture", "https://app.example/awa.jpg"),
    ] {
        assert_eq!(awa[field], value, "{awa}");
    }
    let django = json!({"user_id": 4712, "token_type": "access", "first_name": "Binta", "last_name": "Ba"});
    let binta = seen(django).await.expect(200).json();
    assert_eq!((&binta["external_id"], &binta["first_name"]), (&json!("4712"), &json!("Binta")));
    let nameless = seen(json!({"user_id": 4713})).await.expect(200).json();
    assert_eq!((&nameless["first_name"], &nameless["last_name"]), (&json!("Membre"), &json!("4713")));
    let address = seen(json!({"sub": "awa@exemple.sn"})).await.expect(200).json();
    assert_eq!((&address["first_name"], &address["last_name"]), (&json!("Membre"), &json!("")));
    let _ = seen(json!({"user_id": 4714, "token_type": "refresh"})).await.refusal(401);
    let _ = seen(json!({"name": "Personne"})).await.refusal(401);
    // The author of a live is who they are at their app.
    let awa = server.anonymous().with_token(&token(&json!({"sub": "4711", "exp": 4_000_000_000_u64})));
    let id = awa.post("/api/posts/live/start/", json!({})).await.expect(201).json()["live_id"].clone();
    let live = awa.get(&format!("/api/posts/live/{id}/")).await.expect(200).json();
    assert_eq!(live["author"]["external_id"], "4711");
}
