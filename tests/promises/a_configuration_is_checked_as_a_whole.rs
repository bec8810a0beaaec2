//! `serve --check` names every mistake; the program says its name and version and completes itself; secrets come from files
//! and from the service manager.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use promises::Server;
use promises::server::program;
use tokio::process::Command;

async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut command = Command::new(program());
    command.args(arguments).envs(environment.iter().copied()).current_dir(directory.path());
    let output = command.output().await.expect("the program can be started");
    let said = [output.stdout, output.stderr].concat();
    assert!(directory.path().read_dir().is_ok_and(|mut left| left.next().is_none()), "nothing is made");
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_named_wherever_it_stands() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("c.toml");
    std::fs::write(&path, "leaving_s = -1\nnonsense = 1\n[[issuers]]\nname = 'a'\nsecret = 'short'\n")
        .expect("a file can be written");
    let file = path.to_str().expect("a path is text");
    let line = [
        "serve",
        "--check",
        "--config",
        file,
        "--listen",
        "here",
        "--public-url",
        "example.org",
        "--unknown",
        "--running-lives=many",
    ];
    let (code, said) =
        run(&line, &[("COMMUNICONNECT_RESERVE", "some"), ("COMMUNICONNECT_LOG", "a=loud")]).await;
    assert_eq!(code, Some(1), "{said}");
    let named = [
        "--listen",
        "--unknown",
        "--running-lives",
        "--reserve",
        "public_url",
        "nonsense",
        "leaving_s",
        "32 bytes",
        "log",
    ];
    for name in named {
        assert!(said.contains(name), "{name} in:\n{said}");
    }
    assert_eq!(said.lines().count(), named.len(), "{said}");
    let (code, said) = run(&["serve", "--check", "--listen", "0.0.0.0:80"], &[]).await;
    assert_eq!(code, Some(0), "{said}");
    std::fs::write(&path, "listen = 'here'\nrtmp = 'there'\n").expect("a file can be written");
    let (code, said) = run(&["serve", "--config", file], &[]).await;
    assert!(code == Some(1) && said.contains("listen: ") && said.contains("rtmp: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_who_it_is_and_completes_itself() {
    let (code, said) = run(&["--version"], &[]).await;
    assert_eq!((code, said.trim()), (Some(0), concat!("CommuniConnect Live ", env!("CARGO_PKG_VERSION"))));
    for (shell, mark) in
        [("bash", "complete -F"), ("zsh", "#compdef communiconnect"), ("fish", "complete -c communiconnect")]
    {
        let (code, said) = run(&["completions", shell], &[]).await;
        assert!(code == Some(0) && said.contains(mark) && said.contains("metrics-listen"), "{shell}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_comes_from_a_file_or_from_the_service_manager() {
    let secret = "0123456789abcdef0123456789abcdef";
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("issuer-secret");
    std::fs::write(&path, format!("{secret}\n")).expect("a file can be written");
    let (file, folder) = (path.to_str().expect("text"), directory.path().to_str().expect("text"));
    let token = signed(secret);
    for (arguments, environment) in
        [(vec!["--issuer-secret-file", file], vec![]), (vec![], vec![("CREDENTIALS_DIRECTORY", folder)])]
    {
        let server = Server::configured(&arguments, &environment).await;
        let api = server.anonymous();
        api.with_token(&token).get("/api/users/my-profile/").await.must_be(200);
        api.with_token(&signed("another0123456789abcdef012345678"))
            .get("/api/users/my-profile/")
            .await
            .must_be(401);
    }
    let (code, said) = run(&["serve", "--check", "--issuer-secret-file", "/nowhere"], &[]).await;
    assert!(code == Some(1) && said.contains("/nowhere"), "{said}");
}

/// A token of the app's, good for ten minutes (RFC 7515, RFC 7519; HMAC: RFC 2104).
fn signed(secret: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    let claims = format!(r#"{{"sub":"7","exp":{}}}"#, now.as_secs() + 600);
    let text = [r#"{"alg":"HS256","typ":"JWT"}"#, claims.as_str()]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac(secret.as_bytes(), text.as_bytes())))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let pad = |byte: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5C)).chain_update(inner).finalize().to_vec()
}
