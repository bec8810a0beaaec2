//! What every engine does that keeps people. `fresh` gives an empty store, and what holds it in place.

use accounts::store::{NewIdentity, NewRow, NewSignIn, RefreshRow, Ruling, Store, Verdict};
use accounts::{Change, Error, Role};
use ids::{PersonId, UnixMs};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const LATER: UnixMs = UnixMs(1_800_000_100_000);

pub(crate) async fn all<K, S: Store>(fresh: impl AsyncFn() -> (K, S)) {
    people_and_their_names(&fresh().await.1).await;
    roles(&fresh().await.1).await;
    outside_identities(&fresh().await.1).await;
    a_sign_in_from_its_beginning_to_its_end(&fresh().await.1).await;
    sign_ins_end_one_by_one_and_all_together(&fresh().await.1).await;
    old_sign_ins_are_forgotten_beyond_so_many(&fresh().await.1).await;
}

fn new(email: &str) -> NewRow {
    NewRow {
        email: email.to_owned(),
        password: "hash".to_owned(),
        first_name: "Awa".to_owned(),
        last_name: "Diop".to_owned(),
        roles: Vec::new(),
        now: NOW,
    }
}

async fn people_and_their_names(store: &impl Store) {
    let awa = store.add(new("a@b")).await.unwrap();
    assert!(matches!(store.add(new("a@b")).await, Err(Error::EmailTaken)));
    let zoe = store.add(NewRow { first_name: "Zoé".to_owned(), ..new("z@b") }).await.unwrap();
    assert_eq!(store.person(awa.id).await.unwrap(), awa);
    assert!(matches!(store.person(PersonId(99)).await, Err(Error::NoSuchPerson)));
    let mut names = store.names(vec![zoe.id, PersonId(99), awa.id]).await.unwrap();
    names.sort_by_key(|name| name.id);
    assert_eq!(names.iter().map(|name| name.first_name.as_str()).collect::<Vec<_>>(), ["Awa", "Zoé"]);
    let found = store.credentials("a@b".to_owned()).await.unwrap().unwrap();
    assert_eq!((found.person, found.password.as_deref()), (awa.id, Some("hash")));
    assert!(store.credentials("nobody@b".to_owned()).await.unwrap().is_none());

    let picture = |picture: Option<&str>| Change {
        profile_picture: Some(picture.map(str::to_owned)),
        ..Change::default()
    };
    let changed = store.change(awa.id, picture(Some("https://x/a.png"))).await.unwrap();
    assert_eq!((changed.first_name.as_str(), changed.profile_picture.is_some()), ("Awa", true));
    let renamed = Change { last_name: Some("Ndiaye".to_owned()), ..Change::default() };
    assert!(store.change(awa.id, renamed).await.unwrap().profile_picture.is_some(), "left alone");
    assert_eq!(store.change(awa.id, picture(None)).await.unwrap().profile_picture, None);
    let nobody = store.change(PersonId(99), Change::default()).await;
    assert!(matches!(nobody, Err(Error::NoSuchPerson)));
}

async fn roles(store: &impl Store) {
    let awa = store.add(NewRow { roles: vec![Role::Moderator], ..new("a@b") }).await.unwrap();
    assert_eq!(awa.roles, [Role::Moderator]);
    for _ in 0..2 {
        let both = store.set_role("a@b".to_owned(), Role::Admin, true).await.unwrap();
        assert_eq!(both.roles, [Role::Admin, Role::Moderator]);
    }
    let one = store.set_role("a@b".to_owned(), Role::Moderator, false).await.unwrap();
    assert_eq!(one.roles, [Role::Admin]);
    let nobody = store.set_role("x@b".to_owned(), Role::Admin, true).await;
    assert!(matches!(nobody, Err(Error::NoSuchPerson)));
}

async fn outside_identities(store: &impl Store) {
    let awa = store.add(new("a@b")).await.unwrap();
    let identity = |subject: &str, email: &str| NewIdentity {
        issuer: "app".to_owned(),
        subject: subject.to_owned(),
        email: Some(email.to_owned()),
        first_name: "Fatou".to_owned(),
        last_name: String::new(),
        profile_picture: None,
        now: NOW,
    };
    assert_eq!(store.by_identity("app".to_owned(), "1".to_owned()).await.unwrap(), None);
    let fatou = store.add_identity(identity("1", "f@b")).await.unwrap();
    assert_eq!(store.add_identity(identity("1", "other@b")).await.unwrap(), fatou, "known already");
    assert_eq!(store.by_identity("app".to_owned(), "1".to_owned()).await.unwrap(), Some(fatou));
    let second = store.add_identity(identity("2", "a@b")).await.unwrap();
    assert_ne!(second, awa.id, "an address is not taken over");
    assert_eq!(store.person(second).await.unwrap().email, None);
}

async fn a_sign_in_from_its_beginning_to_its_end(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let (first, second, third) = ([1; 32], [2; 32], [3; 32]);
    let begin = NewSignIn { person, token: first, expires: LATER, ends: LATER, now: NOW, remembered: 32 };
    let sign_in = store.begin_sign_in(begin).await.unwrap();
    assert!(store.is_signed_in(sign_in, NOW).await.unwrap());
    assert!(!store.is_signed_in(sign_in, LATER).await.unwrap(), "its time is over");
    let says = |verdict: Verdict| Box::new(move |_: RefreshRow| Ruling { shortened: None, verdict });
    assert_eq!(store.exchange([9; 32], second, says(Verdict::Revoke)).await.unwrap(), None);
    let rotate = Verdict::Rotate { issued: NOW, expires: LATER };
    assert_eq!(store.exchange(first, second, says(rotate)).await.unwrap(), Some((person, sign_in, rotate)));

    let seen = async |token| {
        let (tell, told) = tokio::sync::oneshot::channel();
        let look = Box::new(move |row: RefreshRow| {
            tell.send(row).unwrap();
            Ruling { shortened: None, verdict: Verdict::Refuse }
        });
        store.exchange(token, [8; 32], look).await.unwrap();
        told.await.unwrap()
    };
    let row = RefreshRow { person, revoked: false, expires: LATER, used: Some(NOW), ends: LATER };
    assert_eq!(seen(first).await, row);
    assert_eq!(seen(second).await, RefreshRow { used: None, ..row });

    let shorten = Box::new(move |_: RefreshRow| Ruling { shortened: Some(NOW), verdict: rotate });
    store.exchange(second, third, shorten).await.unwrap();
    assert_eq!(seen(first).await.expires, NOW, "all of a sign-in is shortened");
    assert_eq!(seen(third).await.expires, LATER);
    store.exchange(first, [7; 32], says(Verdict::Revoke)).await.unwrap();
    assert!(seen(third).await.revoked && seen(first).await.revoked);

    let again = NewSignIn { person, token: [5; 32], expires: LATER, ends: LATER, now: NOW, remembered: 32 };
    assert!(!store.is_signed_in(sign_in, NOW).await.unwrap());
    let sign_in = store.begin_sign_in(again).await.unwrap();
    assert_eq!(store.sign_out([6; 32]).await.unwrap(), None);
    assert!(!seen([5; 32]).await.revoked);
    assert_eq!(store.sign_out([5; 32]).await.unwrap(), Some(sign_in));
    assert!(seen([5; 32]).await.revoked);
}

async fn sign_ins_end_one_by_one_and_all_together(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let other = store.add(new("c@d")).await.unwrap().id;
    let begin = async |person, number| {
        let token = [number; 32];
        let new = NewSignIn { person, token, expires: LATER, ends: LATER, now: NOW, remembered: 32 };
        store.begin_sign_in(new).await.unwrap()
    };
    let (first, second, theirs) = (begin(person, 1).await, begin(person, 2).await, begin(other, 3).await);
    let holds = async |id| store.is_signed_in(id, NOW).await.unwrap();
    store.end_sign_in(first).await.unwrap();
    assert!(!holds(first).await && holds(second).await);
    let third = begin(person, 4).await;
    let mut ended = store.end_sign_ins(person).await.unwrap();
    ended.sort();
    assert_eq!(ended, [second, third]);
    assert!(!holds(second).await && !holds(third).await && holds(theirs).await);

    let last = begin(person, 5).await;
    let fresh = NewSignIn { person, token: [6; 32], expires: LATER, ends: LATER, now: NOW, remembered: 32 };
    let (begun, ended) = store.change_password("another hash".to_owned(), fresh).await.unwrap();
    assert_eq!(ended, [last]);
    assert!(holds(begun).await && !holds(last).await && holds(theirs).await);
    let kept = store.credentials("a@b".to_owned()).await.unwrap().unwrap();
    assert_eq!(kept.password.as_deref(), Some("another hash"));
}

async fn old_sign_ins_are_forgotten_beyond_so_many(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let known = async |token| {
        let refuse = Box::new(|_: RefreshRow| Ruling { shortened: None, verdict: Verdict::Refuse });
        store.exchange(token, [99; 32], refuse).await.unwrap().is_some()
    };
    for number in 1..=4 {
        let begin =
            NewSignIn { person, token: [number; 32], expires: NOW, ends: LATER, now: LATER, remembered: 2 };
        store.begin_sign_in(begin).await.unwrap();
    }
    assert!(!known([1; 32]).await && known([2; 32]).await && known([4; 32]).await);
}
