//! What is got from an authority, kept in the data directory: a start orders nothing that it has.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;

use crate::tls::certificate::{self, Certificate};

/// The folder of one authority: what a trial authority gave is not served when another is asked.
#[derive(Debug, Clone)]
pub(super) struct Kept(PathBuf);

impl Kept {
    /// Of an authority, by the address of its directory.
    pub(super) fn of(data_dir: &Path, directory: &str) -> Self {
        let name: String = directory.chars().map(|one| if is_plain(one) { one } else { '_' }).collect();
        Self(data_dir.join("acme").join(name))
    }

    /// The account, if there is one.
    pub(super) fn account(&self) -> Option<AccountCredentials> {
        serde_json::from_slice(&std::fs::read(self.account_path()).ok()?).ok()
    }

    /// Keeps the account.
    ///
    /// # Errors
    /// The disk takes nothing.
    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        self.write(&self.account_path(), &serde_json::to_vec(account)?)
    }

    /// Lets go of an account that its authority does not know any more.
    pub(super) fn forget_account(&self) {
        let _ = std::fs::remove_file(self.account_path());
    }

    /// The certificate of a name, if there is one that can be served.
    pub(super) fn certificate(&self, name: &str) -> Option<Certificate> {
        let text = certificate::read(&self.certificate_path(name)).ok()?;
        Certificate::from_pem(&text, &text).ok()
    }

    /// Keeps a certificate and its key, in one file: they are never of two orders.
    ///
    /// # Errors
    /// The disk takes nothing.
    pub(super) fn keep_certificate(&self, name: &str, certificate: &str, key: &str) -> io::Result<()> {
        self.write(&self.certificate_path(name), format!("{key}{certificate}").as_bytes())
    }

    fn account_path(&self) -> PathBuf {
        self.0.join("account.json")
    }

    fn certificate_path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.pem"))
    }

    /// Whole or not at all, and for its owner alone.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let beside = path.with_added_extension("new");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        File::open(&self.0)?.sync_all()
    }
}

fn is_plain(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '-' || one == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authority_has_a_folder_of_its_own_in_the_directory() {
        let data = Path::new("/data");
        let real = Kept::of(data, "https://acme.example/directory");
        assert_eq!(real.0, Path::new("/data/acme/https___acme.example_directory"));
        assert_eq!(Kept::of(data, "https://../..").0, Path::new("/data/acme/https___.._.."));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_kept_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        let kept = Kept::of(data.path(), "https://acme.example/directory");
        for text in ["one", "another"] {
            kept.keep_certificate("a.example", text, "key ").unwrap();
        }
        let path = kept.certificate_path("a.example");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "key another");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(kept.certificate("a.example").is_none() && kept.account().is_none());
    }
}
