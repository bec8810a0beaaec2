use ids::{PersonId, UnixMs};

use crate::guessable::is_guessable;
use crate::{Error, names};

/// Characters of an e-mail address at most (RFC 5321, section 4.5.3.1, less the brackets).
const EMAIL: usize = 254;
/// Characters of a picture's address at most.
const PICTURE: usize = 2_000;
/// Characters of a password at least, and bytes at most.
const PASSWORD: (usize, usize) = (8, 1_024);

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Never used again for somebody else.
    pub id: PersonId,
    /// Lower case; only for themselves and administrators to see.
    pub email: Option<String>,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An http(s) address.
    pub profile_picture: Option<String>,
    /// Sorted, each once.
    pub roles: Vec<Role>,
    /// Who they are at the app whose token made them.
    pub external_id: Option<String>,
    /// Whether an administrator or another issuer of tokens stands for it that the address is theirs.
    pub verified: bool,
    /// Since when they are here.
    pub created: UnixMs,
    /// Since when they may do nothing; `None` for those who may.
    pub disabled: Option<UnixMs>,
    /// How many bytes of recordings they may keep; `None`: as many as everybody.
    pub quota: Option<u64>,
}

/// Somebody as everybody sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Who.
    pub id: PersonId,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An http(s) address.
    pub profile_picture: Option<String>,
    /// Who they are at the app whose token made them.
    pub external_id: Option<String>,
}

/// What somebody may do beyond what is their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything.
    Admin,
    /// Change, stop and delete lives and messages of others.
    Moderator,
}

/// What it takes to sign up.
#[derive(Clone)]
pub struct NewPerson {
    /// Compared without regard to case.
    pub email: String,
    /// 8 characters or more.
    pub password: String,
    /// At most 150 characters.
    pub first_name: String,
    /// At most 150 characters.
    pub last_name: String,
}

/// What changes in a profile; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// At most 150 characters.
    pub first_name: Option<String>,
    /// At most 150 characters.
    pub last_name: Option<String>,
    /// An http(s) address, or `Some(None)` to have none.
    pub profile_picture: Option<Option<String>>,
    /// Another address, which whoever changes it vouches for: for administrators alone.
    pub email: Option<String>,
}

impl Person {
    /// Whether they are an administrator.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Whether they may moderate: moderators and administrators.
    #[must_use]
    pub fn is_moderator(&self) -> bool {
        !self.roles.is_empty()
    }
}

impl From<&Person> for Name {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            profile_picture: person.profile_picture.clone(),
            external_id: person.external_id.clone(),
        }
    }
}

impl Role {
    /// Its name on the wire and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Moderator => "moderator",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "admin" => Ok(Self::Admin),
            "moderator" => Ok(Self::Moderator),
            _ => Err(format!("\"{name}\" is no role: admin or moderator")),
        }
    }
}

impl NewPerson {
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.email = checked_email(&self.email)?;
        self.first_name = names::checked(&self.first_name)?;
        self.last_name = names::checked(&self.last_name)?;
        check_password(&self.password, &self.email, [&self.first_name, &self.last_name])?;
        Ok(self)
    }
}

impl Change {
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        self.first_name = self.first_name.as_deref().map(names::checked).transpose()?;
        self.last_name = self.last_name.as_deref().map(names::checked).transpose()?;
        self.email = self.email.as_deref().map(checked_email).transpose()?;
        let picture = self.profile_picture.as_ref().and_then(Option::as_deref);
        if picture.is_some_and(|address| !is_picture(address)) {
            return Err(Error::BadPicture);
        }
        Ok(self)
    }
}

/// Whether a password is long enough, and not one of those that are tried first.
pub(crate) fn check_password(password: &str, email: &str, names: [&str; 2]) -> Result<(), Error> {
    if password.chars().count() < PASSWORD.0 || password.len() > PASSWORD.1 {
        return Err(Error::BadPassword);
    }
    if is_guessable(password, email, names) { Err(Error::CommonPassword) } else { Ok(()) }
}

/// An e-mail address as it is kept and compared.
pub(crate) fn normalised(email: &str) -> String {
    email.trim().to_lowercase()
}

pub(crate) fn is_email(email: &str) -> bool {
    let parts = email.rsplit_once('@');
    email.chars().count() <= EMAIL
        && parts.is_some_and(|(name, host)| !name.is_empty() && !name.contains('@') && !host.is_empty())
        && !email.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c))
}

pub(crate) fn is_picture(address: &str) -> bool {
    address.chars().count() <= PICTURE
        && (address.starts_with("https://") || address.starts_with("http://"))
        && !address.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn checked_email(email: &str) -> Result<String, Error> {
    let email = normalised(email);
    if is_email(&email) { Ok(email) } else { Err(Error::BadEmail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["a@b", "prénom.nom+x@exemple.fr", "a@b.c"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "a", "@b", "a@", "a b@c", "a@b@c", "<a@b>", "a@b\n", &format!("{}@b", "x".repeat(300))]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_picture_is_an_http_address() {
        assert!(is_picture("https://example.org/me.png"));
        for bad in ["javascript:alert(1)", "data:text/html,x", "//x", "https://a b"] {
            assert!(!is_picture(bad), "{bad}");
        }
    }
}
