//! Signing up, in and out, and what tokens are worth.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use accounts::{
    Accounts, Change, Error, Issuer, IssuerKey, NewPerson, Registration, Role, Settings, SigningKey, Sqlite,
};
use database::Database;
use ids::{PersonId, UnixMs};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NOW: UnixMs = UnixMs(1_800_000_000_000);
const SECRET: &str = "the secret of the app";

fn open(directory: &Path, settings: Settings) -> Accounts {
    let database = Database::open(&directory.join("d.sqlite"), &[accounts::MIGRATIONS]).unwrap();
    let key = SigningKey::open(&directory.join("signing.key")).unwrap();
    Accounts::new(Sqlite::new(database), &key, settings)
}

fn here() -> (tempfile::TempDir, Accounts) {
    let directory = tempfile::tempdir().unwrap();
    let accounts = open(directory.path(), Settings::default());
    (directory, accounts)
}

fn awa() -> NewPerson {
    NewPerson {
        email: " Awa@Example.org ".to_owned(),
        password: "mot de passe".to_owned(),
        first_name: "Awa".to_owned(),
        last_name: "Diop".to_owned(),
    }
}

fn seconds(count: i64) -> UnixMs {
    NOW.plus_ms(count * 1_000)
}

#[tokio::test]
async fn somebody_signs_up_and_in_and_is_known_by_their_token_after_a_restart() {
    let (directory, accounts) = here();
    let (person, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    assert_eq!(person.email.as_deref(), Some("awa@example.org"));
    assert!(person.roles.is_empty());
    let (again, _) = accounts.login("AWA@example.org", "mot de passe".to_owned(), HERE, NOW).await.unwrap();
    assert_eq!(again, person);
    drop(accounts);
    let reopened = open(directory.path(), Settings::default());
    assert_eq!(*reopened.authenticate(&tokens.access, seconds(3_599)).await.unwrap(), person);
    let late = reopened.authenticate(&tokens.access, seconds(3_600)).await;
    assert!(matches!(late, Err(Error::ExpiredToken)));
}

#[tokio::test]
async fn a_taken_address_a_short_password_and_no_address_are_refused() {
    let (_directory, accounts) = here();
    accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let taken = NewPerson { email: "awa@EXAMPLE.org".to_owned(), ..awa() };
    assert!(matches!(accounts.register(taken, None, HERE, NOW).await, Err(Error::EmailTaken)));
    let short = NewPerson { email: "b@example.org".to_owned(), password: "1234567".to_owned(), ..awa() };
    assert!(matches!(accounts.register(short, None, HERE, NOW).await, Err(Error::BadPassword)));
    let none = NewPerson { email: "nobody".to_owned(), ..awa() };
    assert!(matches!(accounts.register(none, None, HERE, NOW).await, Err(Error::BadEmail)));
    let long = NewPerson { email: "c@example.org".to_owned(), first_name: "x".repeat(151), ..awa() };
    assert!(matches!(accounts.register(long, None, HERE, NOW).await, Err(Error::BadName)));
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_and_repeats_its_answer_for_a_minute() {
    let (_directory, accounts) = here();
    let (person, first) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let second = accounts.refresh(&first.refresh, seconds(10)).await.unwrap();
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(accounts.refresh(&first.refresh, seconds(70)).await.unwrap(), second);
    assert_eq!(accounts.authenticate(&second.access, seconds(70)).await.unwrap().id, person.id);
    let third = accounts.refresh(&second.refresh, seconds(20)).await.unwrap();
    assert_ne!(third.refresh, second.refresh);
}

#[tokio::test]
async fn a_refresh_token_used_again_later_ends_the_whole_sign_in() {
    let (_directory, accounts) = here();
    let (_, first) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let (_, other) = accounts.login("awa@example.org", "mot de passe".to_owned(), HERE, NOW).await.unwrap();
    let second = accounts.refresh(&first.refresh, seconds(10)).await.unwrap();
    assert!(matches!(accounts.refresh(&first.refresh, seconds(71)).await, Err(Error::InvalidToken)));
    assert!(matches!(accounts.refresh(&second.refresh, seconds(72)).await, Err(Error::InvalidToken)));
    assert!(accounts.refresh(&other.refresh, seconds(72)).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_ends_with_its_time_and_with_the_sign_out() {
    let (_directory, accounts) = here();
    let (_, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let month = seconds(30 * 86_400);
    assert!(matches!(accounts.refresh(&tokens.refresh, month).await, Err(Error::InvalidToken)));
    accounts.logout(&tokens.refresh).await.unwrap();
    accounts.logout("rt_unknown").await.unwrap();
    assert!(matches!(accounts.refresh(&tokens.refresh, NOW).await, Err(Error::InvalidToken)));
    assert!(matches!(accounts.refresh("rt_unknown", NOW).await, Err(Error::InvalidToken)));
}

#[tokio::test]
async fn a_clock_that_was_in_the_future_for_a_while_ends_no_sign_in_and_makes_none_that_lasts_for_ever() {
    let (_directory, accounts) = here();
    let sign_in = |at| accounts.login("awa@example.org", "mot de passe".to_owned(), HERE, at);
    let (_, before) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let ten_years = seconds(3_652 * 86_400);
    let (_, during) = sign_in(ten_years).await.unwrap();
    assert!(matches!(accounts.authenticate(&before.access, ten_years).await, Err(Error::ExpiredToken)));

    assert!(accounts.authenticate(&before.access, seconds(60)).await.is_ok());
    assert!(accounts.refresh(&before.refresh, seconds(60)).await.is_ok(), "the sign-in of before goes on");
    assert!(matches!(accounts.authenticate(&during.access, seconds(60)).await, Err(Error::ExpiredToken)));
    let renewed = accounts.refresh(&during.refresh, seconds(60)).await.unwrap();
    assert!(accounts.authenticate(&renewed.access, seconds(60)).await.is_ok());
    assert!(matches!(accounts.refresh(&during.refresh, seconds(200)).await, Err(Error::InvalidToken)));
    assert!(matches!(accounts.refresh(&renewed.refresh, seconds(201)).await, Err(Error::InvalidToken)));

    let (_, rotated) = sign_in(NOW).await.unwrap();
    let next = accounts.refresh(&rotated.refresh, seconds(12 * 86_400)).await.unwrap();
    let again = accounts.refresh(&rotated.refresh, seconds(1)).await;
    assert!(matches!(again, Err(Error::InvalidToken)), "used once, however the clock was set");
    assert!(accounts.refresh(&next.refresh, seconds(1)).await.is_err(), "and then taken for stolen");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_refresh_sent_at_once_from_two_tabs_gets_one_answer() {
    let (_directory, accounts) = here();
    let (_, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let (one, other) = tokio::join!(
        accounts.refresh(&tokens.refresh, NOW),
        accounts.refresh(&tokens.refresh, NOW.plus_ms(5))
    );
    assert_eq!(one.unwrap(), other.unwrap());
}

#[tokio::test]
async fn wrong_passwords_are_refused_alike_and_then_no_more_are_tried() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { wrong_passwords_per_minute: 2, ..Settings::default() };
    let accounts = open(directory.path(), settings);
    accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let try_in =
        |email: &'static str, password: &'static str| accounts.login(email, password.to_owned(), HERE, NOW);
    assert!(matches!(try_in("nobody@example.org", "mot de passe").await, Err(Error::WrongPassword)));
    for _ in 0..2 {
        assert!(matches!(try_in("awa@example.org", "wrong").await, Err(Error::WrongPassword)));
    }
    let refused = try_in("awa@example.org", "mot de passe").await;
    assert!(matches!(refused, Err(Error::TooManyTries { retry_after_s: 1..=60 })));
}

#[tokio::test]
async fn a_profile_is_changed_and_a_role_is_given_and_taken() {
    let (_directory, accounts) = here();
    let (person, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let change = Change {
        first_name: Some(" Aïssatou ".to_owned()),
        profile_picture: Some(Some("https://example.org/a.png".to_owned())),
        ..Change::default()
    };
    let changed = accounts.change(person.id, change).await.unwrap();
    assert_eq!((changed.first_name.as_str(), changed.last_name.as_str()), ("Aïssatou", "Diop"));
    let without = Change { profile_picture: Some(None), ..Change::default() };
    assert_eq!(accounts.change(person.id, without).await.unwrap().profile_picture, None);
    let bad = Change { profile_picture: Some(Some("javascript:x".to_owned())), ..Change::default() };
    assert!(matches!(accounts.change(person.id, bad).await, Err(Error::BadPicture)));

    accounts.set_role(person.id, Role::Moderator, true).await.unwrap();
    let seen = accounts.authenticate(&tokens.access, NOW).await.unwrap();
    assert!(seen.is_moderator() && !seen.is_admin());
    accounts.set_role(person.id, Role::Moderator, false).await.unwrap();
    assert!(!accounts.authenticate(&tokens.access, NOW).await.unwrap().is_moderator());
    let nobody = accounts.set_role(PersonId(99), Role::Admin, true).await;
    assert!(matches!(nobody, Err(Error::NoSuchPerson)));
}

fn with_issuer(iss: Option<&str>, aud: Option<&str>) -> (tempfile::TempDir, Accounts) {
    let directory = tempfile::tempdir().unwrap();
    let issuer = Issuer {
        name: "app".to_owned(),
        iss: iss.map(str::to_owned),
        aud: aud.map(str::to_owned),
        subject_claim: None,
        key: IssuerKey::Secret(SECRET.to_owned()),
    };
    let accounts = open(directory.path(), Settings { issuers: vec![issuer], ..Settings::default() });
    (directory, accounts)
}

fn signed(claims: Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

#[tokio::test]
async fn a_token_of_the_app_is_accepted_and_makes_its_person_once() {
    let (_directory, accounts) = with_issuer(None, None);
    let claims = json!({"user_id": 77, "token_type": "access", "exp": NOW.seconds() + 60, "email": "Fatou@x.org",
                        "email_verified": true, "first_name": "Fatou"});
    let token = signed(claims, SECRET);
    let first = accounts.authenticate(&token, NOW).await.unwrap();
    assert_eq!((first.first_name.as_str(), first.email.as_deref()), ("Fatou", Some("fatou@x.org")));
    assert!(first.verified);
    for unproved in [json!(null), json!(false), json!("false"), json!(1)] {
        let claims = json!({"sub": unproved.to_string(), "exp": NOW.seconds() + 60, "email": "moussa@x.org",
                            "email_verified": unproved});
        let person = accounts.authenticate(&signed(claims, SECRET), NOW).await.unwrap();
        assert_eq!(
            (person.email.as_deref(), person.verified),
            (None, false),
            "an address that nobody stands for"
        );
    }
    assert_eq!(accounts.authenticate(&token, NOW).await.unwrap().id, first.id);
    let own = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    assert_eq!(accounts.authenticate(&own.1.access, NOW).await.unwrap().id, own.0.id);
}

#[tokio::test]
async fn an_issuer_cannot_take_over_an_account_by_its_address() {
    let (_directory, accounts) = with_issuer(None, None);
    let (own, _) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let claims =
        json!({"sub": "x", "exp": NOW.seconds() + 60, "email": "awa@example.org", "email_verified": true});
    let stranger = accounts.authenticate(&signed(claims, SECRET), NOW).await.unwrap();
    assert_ne!(stranger.id, own.id);
    assert_eq!(stranger.email, None);
}

#[tokio::test]
async fn tokens_of_strangers_and_those_not_meant_for_us_are_refused() {
    let (_directory, accounts) = with_issuer(Some("https://app"), Some("live"));
    let good = json!({"sub": "x", "iss": "https://app", "aud": "live", "exp": NOW.seconds() + 60});
    accounts.authenticate(&signed(good.clone(), SECRET), NOW).await.unwrap();
    let refused = |change: Value, secret: &'static str| {
        let mut claims = good.as_object().unwrap().clone();
        claims.extend(change.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        signed(Value::Object(claims), secret)
    };
    for (change, secret) in [
        (json!({}), "another secret"),
        (json!({"iss": "https://other"}), SECRET),
        (json!({"iss": null}), SECRET),
        (json!({"aud": "other"}), SECRET),
        (json!({"aud": null}), SECRET),
        (json!({"exp": null}), SECRET),
        (json!({"nbf": NOW.seconds() + 3_600}), SECRET),
        (json!({"sub": null}), SECRET),
        (json!({"token_type": "refresh"}), SECRET),
    ] {
        let result = accounts.authenticate(&refused(change.clone(), secret), NOW).await;
        assert!(matches!(result, Err(Error::InvalidToken)), "{change}");
    }
    let expired = refused(json!({"exp": NOW.seconds() - 120}), SECRET);
    assert!(matches!(accounts.authenticate(&expired, NOW).await, Err(Error::ExpiredToken)));
}

#[tokio::test]
async fn settings_decide_how_long_an_access_token_lives() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { access_life: Duration::from_secs(5), ..Settings::default() };
    let accounts = open(directory.path(), settings);
    let (_, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    assert!(accounts.authenticate(&tokens.access, seconds(4)).await.is_ok());
    assert!(accounts.authenticate(&tokens.access, seconds(5)).await.is_err());
}

#[tokio::test]
async fn whoever_is_put_out_has_no_token_and_hears_why_until_they_are_let_in() {
    let (_directory, accounts) = with_issuer(None, None);
    let (person, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let claims = json!({"sub": "77", "exp": NOW.seconds() + 60});
    let theirs = signed(claims, SECRET);
    let guest = accounts.authenticate(&theirs, NOW).await.unwrap();
    for id in [person.id, guest.id] {
        assert_eq!(accounts.disable(id, NOW).await.unwrap().disabled, Some(NOW));
        assert_eq!(accounts.disable(id, seconds(5)).await.unwrap().disabled, Some(NOW), "since then");
    }
    assert!(matches!(accounts.authenticate(&tokens.access, NOW).await, Err(Error::InvalidToken)));
    assert!(matches!(accounts.authenticate(&theirs, NOW).await, Err(Error::Disabled)));
    assert!(matches!(accounts.refresh(&tokens.refresh, NOW).await, Err(Error::InvalidToken)));
    let sign_in = |password: &str| accounts.login("awa@example.org", password.to_owned(), HERE, NOW);
    assert!(matches!(sign_in("mot de passe").await, Err(Error::Disabled)));
    assert!(matches!(sign_in("pas celui-là").await, Err(Error::WrongPassword)));
    assert!(matches!(accounts.password_link(person.id, NOW).await, Err(Error::Disabled)));

    for id in [person.id, guest.id] {
        assert_eq!(accounts.enable(id).await.unwrap().disabled, None);
    }
    accounts.authenticate(&theirs, NOW).await.unwrap();
    assert!(accounts.authenticate(&tokens.access, NOW).await.is_err(), "what ended has ended");
    sign_in("mot de passe").await.unwrap();
    assert!(matches!(accounts.disable(PersonId(99), NOW).await, Err(Error::NoSuchPerson)));
}

#[tokio::test]
async fn a_link_gives_a_password_once_within_a_day_and_ends_all_else() {
    let (_directory, accounts) = here();
    let (person, tokens) = accounts.register(awa(), None, HERE, NOW).await.unwrap();
    let reset = |token: &str, password: &str, at| {
        let (token, password) = (token.to_owned(), password.to_owned());
        let accounts = accounts.clone();
        async move { accounts.reset_password(&token, password, HERE, at).await }
    };
    let earlier = accounts.password_link(person.id, NOW).await.unwrap();
    let link = accounts.password_link(person.id, NOW).await.unwrap();
    let day = seconds(86_400);
    for (token, at) in
        [("", NOW), ("unknown", NOW), (earlier.token.as_str(), NOW), (link.token.as_str(), day)]
    {
        assert!(matches!(reset(token, "un autre secret", at).await, Err(Error::NoLink)), "{token}");
    }
    assert!(matches!(reset(&link.token, "awa diop", NOW).await, Err(Error::CommonPassword)));
    assert!(matches!(reset(&link.token, "court", NOW).await, Err(Error::BadPassword)));
    let just_before = seconds(86_399);
    let (same, fresh) = reset(&link.token, "un autre secret", just_before).await.unwrap();
    assert_eq!(same.id, person.id);
    accounts.authenticate(&fresh.access, just_before).await.unwrap();
    assert!(accounts.authenticate(&tokens.access, NOW).await.is_err());
    assert!(matches!(reset(&link.token, "encore un autre", NOW).await, Err(Error::NoLink)), "used");
    accounts.login("awa@example.org", "un autre secret".to_owned(), HERE, NOW).await.unwrap();
}

#[tokio::test]
async fn signing_up_asks_for_an_invitation_where_it_is_so_and_uses_it_up() {
    let directory = tempfile::tempdir().unwrap();
    let with = |registration| open(directory.path(), Settings { registration, ..Settings::default() });
    let (invited, closed) = (with(Registration::Invited), with(Registration::Closed));
    let link = invited.invite(NOW).await.unwrap();
    let another = |email: &str| NewPerson { email: email.to_owned(), ..awa() };
    for token in [None, Some("unknown")] {
        let refused = invited.register(another("a@b"), token, HERE, NOW).await;
        assert!(matches!(refused, Err(Error::NoInvitation)));
    }
    let late = invited.register(another("a@b"), Some(&link.token), HERE, seconds(7 * 86_400)).await;
    assert!(matches!(late, Err(Error::NoInvitation)));
    let bad = NewPerson { password: "court".to_owned(), ..another("a@b") };
    assert!(invited.register(bad, Some(&link.token), HERE, NOW).await.is_err());
    invited.register(another("a@b"), Some(&link.token), HERE, NOW).await.unwrap();
    let again = invited.register(another("c@d"), Some(&link.token), HERE, NOW).await;
    assert!(matches!(again, Err(Error::NoInvitation)), "used up");
    let link = invited.invite(NOW).await.unwrap();
    let refused = closed.register(another("c@d"), Some(&link.token), HERE, NOW).await;
    assert!(matches!(refused, Err(Error::RegistrationClosed)));
    assert!(closed.add(another("e@f"), &[], NOW).await.unwrap().verified, "administrators add people");
}

#[tokio::test]
async fn nobody_takes_a_disguise_of_who_runs_the_server() {
    let (_directory, accounts) = here();
    let named = |email: &str, first: &str, last: &str| NewPerson {
        email: email.to_owned(),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        ..awa()
    };
    let guard = accounts.add(named("guard@b", "Awa", "Diop"), &[Role::Moderator], NOW).await.unwrap();
    let register = |new| accounts.register(new, None, HERE, NOW);
    assert!(matches!(register(named("a@b", "Аwа", "Diop")).await, Err(Error::Disguise)));
    assert!(matches!(register(named("a@b", "A\u{200B}wa", "Diop")).await, Err(Error::BadName)));
    let (namesake, _) = register(named("a@b", "Awa", "Diop")).await.unwrap();
    let change = Change { last_name: Some("Diор".to_owned()), ..Change::default() };
    assert!(matches!(accounts.change(namesake.id, change.clone()).await, Err(Error::Disguise)));
    accounts.change(guard.id, change).await.unwrap();
}
