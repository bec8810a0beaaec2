//! People: who signs up, signs in, and how they are seen.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Time;

/// Somebody, as everybody sees them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person<'a> {
    /// Never anybody else's.
    pub id: i64,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
    /// An http(s) address.
    #[schema(required = true, format = "uri")]
    pub profile_picture: Option<&'a str>,
}

/// Somebody with an account, as everybody sees them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User<'a> {
    /// Never anybody else's.
    pub id: i64,
    /// Who they are at the app whose token made them; null for people of this server.
    #[schema(required = true)]
    pub external_id: Option<&'a str>,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
    /// An http(s) address.
    #[schema(required = true, format = "uri")]
    pub profile_picture: Option<&'a str>,
}

/// Somebody by their name alone.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Named<'a> {
    /// The person's id.
    pub id: i64,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
}

/// Somebody as only they themselves and administrators see them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Myself<'a> {
    /// Never anybody else's.
    pub id: i64,
    /// Who they are at the app whose token made them; null for people of this server.
    #[schema(required = true)]
    pub external_id: Option<&'a str>,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
    /// An http(s) address.
    #[schema(required = true, format = "uri")]
    pub profile_picture: Option<&'a str>,
    /// Null for people of another app.
    #[schema(required = true)]
    pub email: Option<&'a str>,
    /// What they may do beside what everybody may.
    pub roles: Vec<Role>,
}

/// What somebody may do beside what everybody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Change, stop and delete lives and messages of others.
    Moderator,
}

/// Somebody as administrators see them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Account<'a> {
    /// Never anybody else's.
    pub id: i64,
    /// Who they are at the app whose token made them; null for people of this server.
    #[schema(required = true)]
    pub external_id: Option<&'a str>,
    /// May be empty.
    pub first_name: &'a str,
    /// May be empty.
    pub last_name: &'a str,
    /// An http(s) address.
    #[schema(required = true, format = "uri")]
    pub profile_picture: Option<&'a str>,
    /// Null for people of another app.
    #[schema(required = true)]
    pub email: Option<&'a str>,
    /// Whether an administrator, or the app they come from, stands for it that the address is theirs.
    pub verified: bool,
    /// What they may do beside what everybody may.
    pub roles: Vec<Role>,
    /// Since when they are here.
    pub created_at: Time,
    /// Since when they may do nothing; null for those who may.
    #[schema(required = true)]
    pub disabled_at: Option<Time>,
    /// Bytes of recordings that they may keep; null: as many as everybody.
    #[schema(required = true)]
    pub quota_bytes: Option<u64>,
}

/// How many bytes of recordings somebody may keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaChange {
    /// Bytes; null: as many as everybody.
    pub quota_bytes: Option<u64>,
}

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Registering {
    /// Everybody.
    Open,
    /// Whoever holds an invitation.
    Invited,
    /// Nobody.
    Closed,
}

/// How one signs up here.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct RegistrationMode {
    /// Who may.
    pub registration: Registering,
    /// Whether a link to a new password comes by mail to whoever asks for one.
    pub mail: bool,
}

/// A link that is good once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OneTimeLink {
    /// Its address. It is told this once.
    #[schema(format = "uri")]
    pub url: String,
    /// When it ends.
    pub expires_at: Time,
}

/// Which people are looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// What their address or name holds, or their id.
    pub q: Option<String>,
}

/// Whose account it is.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PersonPath {
    /// Their id.
    pub id: i64,
}

/// What an administrator changes of somebody; what is left out stays. A field that is none of these is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// At most 150 characters.
    #[schema(max_length = 150)]
    pub first_name: Option<String>,
    /// At most 150 characters.
    #[schema(max_length = 150)]
    pub last_name: Option<String>,
    /// Another address, which whoever changes it vouches for.
    pub email: Option<String>,
    /// An http(s) address; `null` takes the picture away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = "uri")]
    pub profile_picture: Option<Option<String>>,
}

/// A role that is given or taken away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    /// Which one.
    pub role: Role,
    /// Whether it is given, which it is unless said otherwise; false takes it away.
    pub given: Option<bool>,
}

/// What signs requests, and what it is renewed with.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tokens<'a> {
    /// A bearer, good for an hour.
    pub access: &'a str,
    /// Good for one exchange.
    pub refresh: &'a str,
}

/// Somebody who has signed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SignedIn<'a> {
    /// Who.
    pub user: Myself<'a>,
    /// Their tokens.
    pub tokens: Tokens<'a>,
}

/// What it takes to sign up.
#[derive(Deserialize, ToSchema)]
pub struct Registration {
    /// Compared without regard to case.
    pub email: String,
    /// 8 characters or more, none of those that are guessed first.
    #[schema(min_length = 8)]
    pub password: String,
    /// At most 150 characters.
    #[schema(max_length = 150)]
    pub first_name: Option<String>,
    /// At most 150 characters.
    #[schema(max_length = 150)]
    pub last_name: Option<String>,
    /// The token of an invitation, where nobody signs up without.
    pub invitation: Option<String>,
}

/// A new password by a link: `token` and `new_password`; or `email`, to which a link is sent.
#[derive(Deserialize, ToSchema)]
pub struct PasswordReset {
    /// As it stands in the link.
    pub token: Option<String>,
    /// 8 characters or more, none of those that are guessed first.
    #[schema(min_length = 8)]
    pub new_password: Option<String>,
    /// Whose link is to be sent.
    pub email: Option<String>,
}

/// A link is on its way, if anybody has that address.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct LinkSent {
    /// For people.
    pub message: &'static str,
}

/// What it takes to sign in.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// Compared without regard to case.
    pub email: String,
    /// As it was when signing up.
    pub password: String,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
pub struct Refresh {
    /// As it was answered.
    pub refresh: String,
}

/// What sign-in is to end: that of the refresh token, else that of the bearer.
#[derive(Deserialize, ToSchema)]
pub struct SignOut {
    /// As it was answered.
    pub refresh: Option<String>,
}

/// A password and the one that takes its place.
#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    /// As it is now.
    pub password: String,
    /// 8 characters or more, none of those that are guessed first.
    #[schema(min_length = 8)]
    pub new_password: String,
}

/// What is to change in a profile; what is left out stays. A field that is none of these is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// At most 150 characters.
    #[schema(max_length = 150)]
    pub first_name: Option<String>,
    /// At most 150 characters.
    #[schema(max_length = 150)]
    pub last_name: Option<String>,
    /// An http(s) address; `null` takes the picture away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = "uri")]
    pub profile_picture: Option<Option<String>>,
}

/// Tells a field that is `null` from one that is left out.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
