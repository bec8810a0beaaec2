//! Tokens of an issuer that publishes its keys.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use accounts::{Accounts, Error, Issuer, IssuerKey, Settings, SigningKey, Sqlite};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use database::Database;
use ids::UnixMs;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const NOW: UnixMs = UnixMs(1_800_000_000_000);
/// Bytes of PKCS #8 around the RSA key proper (RFC 5208; RFC 8017, appendix A.1.2) when it has 2,048 bits.
const PKCS8_HEAD: usize = 26;

/// Publishes a key set and counts how often it is asked for.
async fn publish(keys: JwkSet) -> (String, Arc<AtomicUsize>) {
    let body = serde_json::to_string(&keys).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

fn open(directory: &Path, address: String) -> Accounts {
    let database = Database::open(&directory.join("d.sqlite"), &[accounts::MIGRATIONS]).unwrap();
    let key = SigningKey::open(&directory.join("signing.key")).unwrap();
    let issuer = Issuer {
        name: "app".to_owned(),
        iss: None,
        aud: None,
        subject_claim: None,
        key: IssuerKey::Jwks(address),
    };
    Accounts::new(Sqlite::new(database), &key, Settings { issuers: vec![issuer], ..Settings::default() })
}

/// An issuer's two keys, made for this run.
struct Keys([(Algorithm, &'static str, EncodingKey); 2]);

fn keys() -> Keys {
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let rsa: Pkcs8V1Der<'_> = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
    Keys([
        (Algorithm::ES256, "ec", EncodingKey::from_ec_der(ec.as_ref())),
        (Algorithm::RS256, "rsa", EncodingKey::from_rsa_der(&rsa.as_ref()[PKCS8_HEAD..])),
    ])
}

fn published(keys: &Keys) -> JwkSet {
    let public = |(algorithm, id, key): &(Algorithm, &str, EncodingKey)| {
        let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
        jwk.common.key_id = Some((*id).to_owned());
        jwk
    };
    JwkSet { keys: keys.0.iter().map(public).collect() }
}

fn token(algorithm: Algorithm, id: &str, key: &EncodingKey) -> String {
    let header = Header { kid: Some(id.to_owned()), ..Header::new(algorithm) };
    let claims = json!({"sub": "42", "exp": NOW.seconds() + 60, "given_name": "Fatou"});
    jsonwebtoken::encode(&header, &claims, key).unwrap()
}

#[tokio::test]
async fn tokens_signed_with_a_published_key_are_accepted_and_the_keys_are_fetched_once() {
    let directory = tempfile::tempdir().unwrap();
    let keys = keys();
    let (address, asked) = publish(published(&keys)).await;
    let accounts = open(directory.path(), address);
    let mut people = Vec::new();
    for (algorithm, id, key) in &keys.0 {
        let person = accounts.authenticate(&token(*algorithm, id, key), NOW).await.unwrap();
        assert_eq!(person.first_name, "Fatou");
        people.push(person.id);
    }
    assert_eq!(people[0], people[1], "one subject is one person, whatever the key");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_published_key_is_no_secret_to_sign_with_and_its_id_opens_no_other_algorithm() {
    let directory = tempfile::tempdir().unwrap();
    let keys = keys();
    let (address, _) = publish(published(&keys)).await;
    let accounts = open(directory.path(), address);
    let [(_, _, ec), (_, _, rsa)] = &keys.0;
    let public = serde_json::to_string(&published(&keys).keys[1]).unwrap();
    let shared = EncodingKey::from_secret(public.as_bytes());
    for forged in [
        token(Algorithm::HS256, "rsa", &shared),
        token(Algorithm::RS256, "ec", rsa),
        token(Algorithm::ES256, "rsa", ec),
        token(Algorithm::ES256, "unknown", ec),
    ] {
        assert!(matches!(accounts.authenticate(&forged, NOW).await, Err(Error::InvalidToken)));
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_told_from_a_wrong_token() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    drop(listener);
    let accounts = open(directory.path(), address);
    let [(algorithm, id, key), _] = &keys().0;
    let refused = accounts.authenticate(&token(*algorithm, id, key), NOW).await;
    assert!(matches!(refused, Err(Error::Overloaded)));
}

#[tokio::test]
async fn a_key_to_encrypt_with_verifies_nothing() {
    let keys = keys();
    let [(algorithm, id, key), _] = &keys.0;
    for meant in [PublicKeyUse::Encryption, PublicKeyUse::Signature] {
        let directory = tempfile::tempdir().unwrap();
        let mut set = published(&keys);
        set.keys[0].common.public_key_use = Some(meant.clone());
        let accounts = open(directory.path(), publish(set).await.0);
        let checked = accounts.authenticate(&token(*algorithm, id, key), NOW).await;
        assert_eq!(checked.is_ok(), meant == PublicKeyUse::Signature, "{meant:?}");
    }
}

#[tokio::test]
async fn a_key_set_is_where_it_was_said_to_be_and_nowhere_else() {
    let directory = tempfile::tempdir().unwrap();
    let keys = keys();
    let (elsewhere, asked) = publish(published(&keys)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4_096]).await.unwrap();
        let head = format!(
            "HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
    });
    let accounts = open(directory.path(), address);
    let [(algorithm, id, key), _] = &keys.0;
    let refused = accounts.authenticate(&token(*algorithm, id, key), NOW).await;
    assert!(matches!(refused, Err(Error::Overloaded)), "{refused:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_back_nobody_elses_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let keys = keys();
    let (good, _) = publish(published(&keys)).await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = format!("http://{}/keys", hanging.local_addr().unwrap());
    let issuer = |name: &str, address: String| Issuer {
        name: name.to_owned(),
        iss: None,
        aud: None,
        subject_claim: None,
        key: IssuerKey::Jwks(address),
    };
    let database = Database::open(&directory.path().join("d.sqlite"), &[accounts::MIGRATIONS]).unwrap();
    let key = SigningKey::open(&directory.path().join("signing.key")).unwrap();
    let issuers = vec![issuer("hangs", hangs), issuer("good", good)];
    let accounts = Accounts::new(Sqlite::new(database), &key, Settings { issuers, ..Settings::default() });
    let [(algorithm, id, key), _] = &keys.0;
    for _ in 0..2 {
        let token = token(*algorithm, id, key);
        let known = tokio::time::timeout(Duration::from_secs(3), accounts.authenticate(&token, NOW)).await;
        assert_eq!(known.expect("at once").unwrap().first_name, "Fatou");
    }
}
