/// Why something was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Somebody has this e-mail address already.
    #[error("this e-mail address is taken")]
    EmailTaken,
    /// Not an e-mail address, or longer than 254 characters.
    #[error("this is no e-mail address")]
    BadEmail,
    /// Fewer than 8 characters, or more than 1,024 bytes.
    #[error("a password has 8 characters or more, and 1,024 bytes at most")]
    BadPassword,
    /// One of the most used passwords, or made of the person's own address and names.
    #[error("this password is one of those that are guessed first")]
    CommonPassword,
    /// A name of more than 150 characters, or with characters that are not seen.
    #[error("a name has at most 150 characters, all of which are seen")]
    BadName,
    /// A name that looks like that of an administrator or moderator, written with letters of other scripts.
    #[error("this name looks like that of somebody who runs this server")]
    Disguise,
    /// Nobody may sign up.
    #[error("nobody can sign up here")]
    RegistrationClosed,
    /// Nobody may sign up without an invitation, and there is none, or it is used up or over.
    #[error("this needs an invitation that is good, and was not used")]
    NoInvitation,
    /// A link to a new password that is not known, used up or over.
    #[error("this link was used, is over or never was one")]
    NoLink,
    /// Somebody who may do nothing here.
    #[error("this account is disabled")]
    Disabled,
    /// Not an http(s) address, or longer than 2,000 characters.
    #[error("a picture is an http(s) address of at most 2,000 characters")]
    BadPicture,
    /// Nobody has that address with that password.
    #[error("wrong e-mail address or password")]
    WrongPassword,
    /// Whoever comes with another issuer's token has no password here.
    #[error("this person has no password here")]
    NoPassword,
    /// Too many wrong passwords, or registrations.
    #[error("too many tries, try again in {retry_after_s} s")]
    TooManyTries {
        /// Seconds until the next try counts.
        retry_after_s: u64,
    },
    /// Not a token of ours, or one that is worth nothing any more.
    #[error("this token is not valid")]
    InvalidToken,
    /// A token whose time is over.
    #[error("this token has expired")]
    ExpiredToken,
    /// Nobody has this id or address.
    #[error("there is no such person")]
    NoSuchPerson,
    /// Too many passwords wait to be checked, or an issuer of tokens does not answer.
    #[error("too busy to check this now")]
    Overloaded,
    /// What is kept could not be read or written.
    #[error(transparent)]
    Storage(#[from] storage::Failure),
    /// Something that does not happen: hashing or signing failed.
    #[error("{0}")]
    Internal(String),
}
