//! What is kept of people, and where: [`Store`] says what this crate does with it, an engine is a module below.

mod sqlite;

use async_trait::async_trait;
use ids::{PersonId, SignInId, UnixMs};
use storage::Failure;

pub use sqlite::{MIGRATIONS, Sqlite};

use crate::{Change, Error, Name, Person, Role};

/// A person to be kept.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// Lower case.
    pub email: String,
    /// The password's hash, in PHC form.
    pub password: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// What they may do from the start.
    pub roles: Vec<Role>,
    /// Whether somebody stands for it that the address is theirs.
    pub verified: bool,
    /// The hash of the invitation that is used up with it.
    pub invitation: Option<TokenHash>,
    /// When.
    pub now: UnixMs,
}

/// What somebody signs in with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who.
    pub person: PersonId,
    /// Their password's hash; `None` for people who cannot sign in here.
    pub password: Option<String>,
    /// Whether they may do nothing here.
    pub disabled: bool,
    /// Whether they signed in from that network before.
    pub known_there: bool,
}

/// Which people are looked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What their address or name holds, or their id; case does not matter in ASCII. `None` for everybody.
    pub words: Option<String>,
    /// How many of them are left out, the newest first.
    pub skip: u64,
    /// How many are told at most.
    pub limit: u32,
}

/// A person who comes from another issuer of tokens, as they are kept.
#[derive(Debug, Clone)]
pub struct NewIdentity {
    /// The issuer's name here.
    pub issuer: String,
    /// Who they are there.
    pub subject: String,
    /// Lower case, and proved to be theirs; left out where somebody has that address already.
    pub email: Option<String>,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// An http(s) address.
    pub profile_picture: Option<String>,
    /// When.
    pub now: UnixMs,
}

/// Somebody who was put out, as the outbox has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Its number; later ones are higher.
    pub number: i64,
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: UnixMs,
}

/// A link by which somebody gives themselves a password.
#[derive(Debug, Clone, Copy)]
pub struct NewLink {
    /// Who.
    pub person: PersonId,
    /// The hash of what stands in it.
    pub token: TokenHash,
    /// Until when it is good.
    pub expires: UnixMs,
    /// Whether it is sent to their address: whoever uses it reads what comes there.
    pub mailed: bool,
}

/// A sign-in that begins.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// Whose.
    pub person: PersonId,
    /// The hash of its first refresh token.
    pub token: TokenHash,
    /// Until when that is good.
    pub expires: UnixMs,
    /// When all of it ends.
    pub ends: UnixMs,
    /// When it begins.
    pub now: UnixMs,
    /// Sign-ins of one person that are remembered after they have expired; only beyond so many are expired ones forgotten,
    /// the oldest first. As many networks are remembered.
    pub remembered: u32,
    /// The keyed hash of the network that it comes from, to be remembered.
    pub network: Option<TokenHash>,
}

/// SHA-256 of a token: all that is kept of it.
pub type TokenHash = [u8; 32];

/// What is kept of a refresh token and of its sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshRow {
    /// Whose sign-in it is.
    pub person: PersonId,
    /// Whether the sign-in was ended, or its person may do nothing.
    pub revoked: bool,
    /// Until when the token is good.
    pub expires: UnixMs,
    /// When it was exchanged for the next.
    pub used: Option<UnixMs>,
    /// When all of the sign-in ends.
    pub ends: UnixMs,
}

/// What becomes of a refresh token that is shown. Decided by the pure rule, done by the engine in the same transaction in
/// which the row was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The latest moment at which anything of this sign-in may end; `None` leaves it.
    pub shortened: Option<UnixMs>,
    /// What is done with the token.
    pub verdict: Verdict,
}

/// What is done with a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is worth nothing, and nothing changes.
    Refuse,
    /// It is worth nothing, and everything of its sign-in ends.
    Revoke,
    /// It was exchanged a moment ago, and gets the same answer again.
    Repeat {
        /// When it was exchanged.
        issued: UnixMs,
    },
    /// It is used now, and `next` takes its place.
    Rotate {
        /// When.
        issued: UnixMs,
        /// Until when the next one is good.
        expires: UnixMs,
    },
}

/// The rule by which a refresh token is judged; `None` stands for one that is not known.
pub type Rule = Box<dyn FnOnce(RefreshRow) -> Ruling + Send>;

/// What is kept of people.
///
/// Each operation is whole: it is done and durable when it answers, or nothing of it is. What is answered was true at one
/// moment. An engine knows no rules; where one is needed between reading and writing, it is an argument.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds a person; [`Error::EmailTaken`] when somebody has that address, [`Error::NoInvitation`] when the invitation is none.
    async fn add(&self, new: NewRow) -> Result<Person, Error>;

    /// One person, unless they are being erased; [`Error::NoSuchPerson`].
    async fn person(&self, id: PersonId) -> Result<Person, Error>;

    /// The person with this address; [`Error::NoSuchPerson`].
    async fn by_email(&self, email: String) -> Result<Person, Error>;

    /// How many people there are that are wanted, and some of them, the newest first.
    async fn people(&self, wanted: Wanted) -> Result<(u64, Vec<Person>), Failure>;

    /// Whether there is anybody.
    async fn has_people(&self) -> Result<bool, Failure>;

    /// The names of those of these people who exist, in any order.
    async fn names(&self, ids: Vec<PersonId>) -> Result<Vec<Name>, Failure>;

    /// The names of all who have a role.
    async fn staff(&self) -> Result<Vec<Name>, Failure>;

    /// What whoever has this address signs in with, from the network with this keyed hash.
    async fn credentials(&self, email: String, network: TokenHash) -> Result<Option<Credentials>, Failure>;

    /// Changes a profile; [`Error::NoSuchPerson`], [`Error::EmailTaken`]. An address that changes is vouched for.
    async fn change(&self, id: PersonId, change: Change) -> Result<Person, Error>;

    /// Gives a role or takes it away; [`Error::NoSuchPerson`].
    async fn set_role(&self, id: PersonId, role: Role, given: bool) -> Result<Person, Error>;

    /// Lets somebody do nothing from that moment on, and ends their sign-ins and links; `None` lets them in again. Tells the
    /// sign-ins that ended; [`Error::NoSuchPerson`].
    async fn disable(&self, id: PersonId, at: Option<UnixMs>) -> Result<(Person, Vec<SignInId>), Error>;

    /// How many bytes of recordings somebody may keep; `None`: as many as everybody. [`Error::NoSuchPerson`].
    async fn set_quota(&self, id: PersonId, bytes: Option<u64>) -> Result<Person, Error>;

    /// Who was put out, as the oldest entries of the outbox after this one say, so many at most. An entry is written in the
    /// transaction in which it happened.
    async fn disabled(&self, after: i64, limit: u32) -> Result<Vec<Disabled>, Failure>;

    /// The number of the newest entry of the outbox that there ever was; 0 without any.
    async fn newest_disabled(&self) -> Result<i64, Failure>;

    /// Takes everything that is known of somebody out of their row and everything that hangs on it, and has them erased. Tells
    /// the sign-ins that ended; [`Error::NoSuchPerson`].
    async fn begin_erasure(&self, id: PersonId, now: UnixMs) -> Result<Vec<SignInId>, Error>;

    /// Those whose erasure was begun and not finished.
    async fn to_erase(&self) -> Result<Vec<PersonId>, Failure>;

    /// Deletes the row of somebody whose erasure was begun.
    async fn erase(&self, id: PersonId) -> Result<(), Failure>;

    /// Whose rows were changed after this change, each with its number, in their order; the oldest are forgotten.
    async fn changes(&self, after: i64) -> Result<Vec<(i64, PersonId)>, Failure>;

    /// The number of the newest change; 0 without any.
    async fn newest_change(&self) -> Result<i64, Failure>;

    /// Keeps a link by which somebody gives themselves a password, in the place of an earlier one.
    async fn add_password_link(&self, new: NewLink) -> Result<(), Failure>;

    /// Whose link this is, if it is good.
    async fn password_link(&self, token: TokenHash, now: UnixMs) -> Result<Option<PersonId>, Failure>;

    /// Uses a link up: gives its person the password, stands for their address where the link was sent there, ends all their sign-ins, and begins one; tells it and those that ended.
    /// [`Error::NoLink`] where it is not a good one of that person's any more.
    async fn use_password_link(
        &self,
        token: TokenHash,
        password: String,
        new: NewSignIn,
    ) -> Result<(SignInId, Vec<SignInId>), Error>;

    /// Keeps an invitation, and forgets those whose time is over.
    async fn add_invitation(&self, token: TokenHash, expires: UnixMs, now: UnixMs) -> Result<(), Failure>;

    /// The invitations that are good, by their hashes, with when they end, those that end last first.
    async fn invitations(&self, now: UnixMs) -> Result<Vec<(TokenHash, UnixMs)>, Failure>;

    /// Whether an invitation is good.
    async fn is_invited(&self, token: TokenHash, now: UnixMs) -> Result<bool, Failure>;

    /// Who this subject of an issuer is here.
    async fn by_identity(&self, issuer: String, subject: String) -> Result<Option<PersonId>, Failure>;

    /// The person of an outside identity, made unless they are there. An address that somebody here has already is not
    /// taken over: it would hand one person's account to another on an issuer's word.
    async fn add_identity(&self, new: NewIdentity) -> Result<PersonId, Failure>;

    /// Gives somebody another password, ends all their sign-ins and links, and begins one; tells it and those that ended.
    async fn change_password(
        &self,
        password: String,
        new: NewSignIn,
    ) -> Result<(SignInId, Vec<SignInId>), Failure>;

    /// Begins a sign-in.
    async fn begin_sign_in(&self, new: NewSignIn) -> Result<SignInId, Failure>;

    /// Whether a sign-in holds at a moment: it was not ended, and its time is not over.
    async fn is_signed_in(&self, id: SignInId, now: UnixMs) -> Result<bool, Failure>;

    /// Ends a sign-in, if there is one.
    async fn end_sign_in(&self, id: SignInId) -> Result<(), Failure>;

    /// Ends every sign-in of a person; tells which.
    async fn end_sign_ins(&self, person: PersonId) -> Result<Vec<SignInId>, Failure>;

    /// Judges the refresh token with this hash by `rule`, does what it says, and tells what that was and whose token of
    /// which sign-in it is; `None` for a token that is not known. `next` is the hash of the token that takes its place.
    async fn exchange(
        &self,
        token: TokenHash,
        next: TokenHash,
        rule: Rule,
    ) -> Result<Option<(PersonId, SignInId, Verdict)>, Failure>;

    /// Ends the sign-in that a token with this hash belongs to, and tells which, if there is one.
    async fn sign_out(&self, token: TokenHash) -> Result<Option<SignInId>, Failure>;
}
