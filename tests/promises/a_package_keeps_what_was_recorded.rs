//! The package for Debian: hardened, installed on a clean system, started by the line of its unit, upgraded, removed; what was
//! recorded stays until somebody says otherwise. And the list of what is in it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use promises::server::program;
use promises::{repository, tools};
use serde_json::Value;
use tokio::process::Command;

fn script(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(repository().join("scripts/package.sh"));
    command.arg(name).env("PACKAGE_OUT", folder).env("PACKAGE_BIN", program());
    // Compressed, half a minute for nothing.
    command.env("PACKAGE_COMPRESSION", "none");
    command
}

async fn package(folder: &Path, version: &str) -> PathBuf {
    let mut command = script("deb", folder);
    tools::succeed(command.env("PACKAGE_VERSION", version)).await;
    let name = format!("communiconnect_{version}_");
    let made = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok).map(|entry| entry.path());
    let mut made = made.filter(|path| path.to_string_lossy().contains(&name));
    made.next().expect("a package is made")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_installation_to_the_purge() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (package(folder.path(), "0.1.0").await, package(folder.path(), "0.1.1").await);
    // What mounts and installs must be root.
    let is_root = std::fs::metadata("/proc/self").expect("this process").uid() == 0;
    let mut life = Command::new(if is_root { "env" } else { "sudo" });
    life.arg(repository().join("tests/packaging/clean-root.sh")).arg(first).arg(second);
    let said = tools::succeed(&mut life).await;
    assert!(String::from_utf8_lossy(&said).ends_with("--- done\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_list_of_what_is_in_it_and_sums() {
    let folder = tempfile::tempdir().expect("a folder");
    tools::succeed(&mut script("sbom", folder.path())).await;
    tools::succeed(&mut script("sums", folder.path())).await;
    let check = ["--check", "--strict", "SHA256SUMS"];
    tools::succeed(Command::new("sha256sum").current_dir(folder.path()).args(check)).await;
    let name = std::fs::read_to_string(folder.path().join("SHA256SUMS")).expect("sums");
    let name = name.split_whitespace().nth(1).expect("a file").to_owned();
    let text = std::fs::read(folder.path().join(name)).expect("a list");
    let list: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!((&list["bomFormat"], &list["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    for wanted in ["pkg:cargo/axum@", "pkg:npm/svelte@"] {
        let found = list["components"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|component| component["purl"].as_str().is_some_and(|purl| purl.starts_with(wanted)));
        assert!(found, "{wanted}");
    }
}
