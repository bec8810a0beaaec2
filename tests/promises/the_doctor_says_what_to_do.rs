//! `communiconnect doctor`: a line for each thing that a machine must have, ok or what to do.

use promises::Server;
use promises::server::program;
use tokio::process::Command;

async fn doctor(data: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    let output = command.arg("doctor").arg("--data-dir").arg(data).args(arguments).output().await;
    let output = output.expect("the program can be started");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_has_everything_is_well() {
    let server = Server::start().await;
    let (code, said) =
        doctor(server.data(), &["--listen", server.address(), "--connections", "50", "--reserve", "1"]).await;
    assert_eq!(code, Some(0), "{said}");
    for about in [
        "configuration",
        "data directory",
        "ports",
        "time",
        "disk speed",
        "disk room",
        "open files",
        "https",
        "proxy headers",
        "poster decoder",
        "engines",
    ] {
        assert!(said.lines().any(|line| line.starts_with(&format!("ok   {about}: "))), "{about} in:\n{said}");
    }
    assert!(said.contains("the running server's"), "{said}");
    let left = std::fs::read_dir(server.data()).expect("the directory is there");
    assert!(left.flatten().all(|entry| !entry.file_name().to_string_lossy().contains("doctor")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let (code, said) = doctor(
        data.path(),
        &["--listen", &address, "--public-url", "https://live.example", "--reserve", "9000000000000000000"],
    )
    .await;
    assert_eq!(code, Some(1), "{said}");
    let mend = |about: &str, advice: &str| {
        let line = said.lines().find(|line| line.starts_with(&format!("mend {about}: ")));
        assert!(line.is_some_and(|line| line.contains(advice)), "{about}, {advice} in:\n{said}");
    };
    mend("ports", "another port");
    mend("disk room", "Make room");
    mend("proxy headers", "--trust-proxy");
    assert!(said.contains("ok   poster decoder: "), "{said}");
}
