//! What every engine does that keeps people. `fresh` gives an empty store, and what holds it in place.

use accounts::store::{NewIdentity, NewLink, NewRow, NewSignIn, RefreshRow, Ruling, Store, Verdict, Wanted};
use accounts::{Change, Error, Role};
use ids::{PersonId, UnixMs};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const HOME: [u8; 32] = [77; 32];
const LATER: UnixMs = UnixMs(1_800_000_100_000);

pub(crate) async fn all<K, S: Store>(fresh: impl AsyncFn() -> (K, S)) {
    people_and_their_names(&fresh().await.1).await;
    roles(&fresh().await.1).await;
    outside_identities(&fresh().await.1).await;
    a_sign_in_from_its_beginning_to_its_end(&fresh().await.1).await;
    sign_ins_end_one_by_one_and_all_together(&fresh().await.1).await;
    old_sign_ins_are_forgotten_beyond_so_many(&fresh().await.1).await;
    people_are_listed_and_found(&fresh().await.1).await;
    whoever_is_disabled_has_no_sign_in(&fresh().await.1).await;
    somebody_is_erased_in_two_steps(&fresh().await.1).await;
    links_are_good_once(&fresh().await.1).await;
    networks_are_remembered(&fresh().await.1).await;
    changes_are_told_in_their_order(&fresh().await.1).await;
    who_is_put_out_is_told_once(&fresh().await.1).await;
    a_quota_of_ones_own_is_kept(&fresh().await.1).await;
}

fn new(email: &str) -> NewRow {
    NewRow {
        email: email.to_owned(),
        password: "hash".to_owned(),
        first_name: "Awa".to_owned(),
        last_name: "Diop".to_owned(),
        roles: Vec::new(),
        verified: false,
        invitation: None,
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
    let found = store.credentials("a@b".to_owned(), HOME).await.unwrap().unwrap();
    assert_eq!((found.person, found.password.as_deref()), (awa.id, Some("hash")));
    assert!(store.credentials("nobody@b".to_owned(), HOME).await.unwrap().is_none());

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
        let both = store.set_role(awa.id, Role::Admin, true).await.unwrap();
        assert_eq!(both.roles, [Role::Admin, Role::Moderator]);
    }
    let one = store.set_role(awa.id, Role::Moderator, false).await.unwrap();
    assert_eq!(one.roles, [Role::Admin]);
    let nobody = store.set_role(PersonId(99), Role::Admin, true).await;
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
    let begin = NewSignIn {
        person,
        token: first,
        expires: LATER,
        ends: LATER,
        now: NOW,
        remembered: 32,
        network: None,
    };
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

    let again = NewSignIn {
        person,
        token: [5; 32],
        expires: LATER,
        ends: LATER,
        now: NOW,
        remembered: 32,
        network: None,
    };
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
        let new =
            NewSignIn { person, token, expires: LATER, ends: LATER, now: NOW, remembered: 32, network: None };
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
    let fresh = NewSignIn {
        person,
        token: [6; 32],
        expires: LATER,
        ends: LATER,
        now: NOW,
        remembered: 32,
        network: None,
    };
    let (begun, ended) = store.change_password("another hash".to_owned(), fresh).await.unwrap();
    assert_eq!(ended, [last]);
    assert!(holds(begun).await && !holds(last).await && holds(theirs).await);
    let kept = store.credentials("a@b".to_owned(), HOME).await.unwrap().unwrap();
    assert_eq!(kept.password.as_deref(), Some("another hash"));
}

async fn old_sign_ins_are_forgotten_beyond_so_many(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let known = async |token| {
        let refuse = Box::new(|_: RefreshRow| Ruling { shortened: None, verdict: Verdict::Refuse });
        store.exchange(token, [99; 32], refuse).await.unwrap().is_some()
    };
    for number in 1..=4 {
        let begin = NewSignIn {
            person,
            token: [number; 32],
            expires: NOW,
            ends: LATER,
            now: LATER,
            remembered: 2,
            network: None,
        };
        store.begin_sign_in(begin).await.unwrap();
    }
    assert!(!known([1; 32]).await && known([2; 32]).await && known([4; 32]).await);
}

fn begin(person: PersonId, number: u8, network: Option<[u8; 32]>) -> NewSignIn {
    NewSignIn { person, token: [number; 32], expires: LATER, ends: LATER, now: NOW, remembered: 2, network }
}

async fn people_are_listed_and_found(store: &impl Store) {
    assert!(!store.has_people().await.unwrap());
    let awa = store.add(NewRow { verified: true, ..new("awa@b") }).await.unwrap();
    let zoe = store.add(NewRow { first_name: "Zoé_".to_owned(), ..new("z%e@b") }).await.unwrap();
    assert!(store.has_people().await.unwrap());
    assert!(awa.verified && !zoe.verified);
    assert_eq!((awa.created, awa.disabled), (NOW, None));
    assert_eq!(store.by_email("awa@b".to_owned()).await.unwrap(), awa);
    assert!(matches!(store.by_email("nobody@b".to_owned()).await, Err(Error::NoSuchPerson)));
    let found = async |words: Option<&str>, skip| {
        let wanted = Wanted { words: words.map(str::to_owned), skip, limit: 1 };
        let (count, people) = store.people(wanted).await.unwrap();
        (count, people.first().map(|person| person.id))
    };
    assert_eq!(found(None, 0).await, (2, Some(zoe.id)), "the newest first");
    assert_eq!(found(None, 1).await, (2, Some(awa.id)));
    assert_eq!(found(None, 2).await, (2, None));
    for (words, whom) in [("AWA@", &awa), ("%", &zoe), ("é_ d", &zoe), (&awa.id.to_string(), &awa)] {
        assert_eq!(found(Some(words), 0).await, (1, Some(whom.id)), "{words}");
    }
    assert_eq!(found(Some("diop"), 0).await.0, 2);
    assert_eq!(found(Some("nobody"), 0).await, (0, None));
    store.set_role(awa.id, Role::Admin, true).await.unwrap();
    assert_eq!(store.staff().await.unwrap().iter().map(|name| name.id).collect::<Vec<_>>(), [awa.id]);

    let address = |email: &str| Change { email: Some(email.to_owned()), ..Change::default() };
    assert!(matches!(store.change(zoe.id, address("awa@b")).await, Err(Error::EmailTaken)));
    let moved = store.change(zoe.id, address("zoe@b")).await.unwrap();
    assert_eq!((moved.email.as_deref(), moved.verified), (Some("zoe@b"), true));
}

async fn whoever_is_disabled_has_no_sign_in(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let sign_in = store.begin_sign_in(begin(person, 1, None)).await.unwrap();
    store.add_password_link(link(person, 9)).await.unwrap();
    let (out, ended) = store.disable(person, Some(NOW)).await.unwrap();
    assert_eq!((out.disabled, ended), (Some(NOW), vec![sign_in]));
    assert_eq!(store.disable(person, Some(LATER)).await.unwrap().0.disabled, Some(NOW));
    assert!(!store.is_signed_in(sign_in, NOW).await.unwrap());
    assert_eq!(store.password_link([9; 32], NOW).await.unwrap(), None);
    let known = store.credentials("a@b".to_owned(), HOME).await.unwrap().unwrap();
    assert!(known.disabled);
    store.begin_sign_in(begin(person, 2, None)).await.unwrap();
    let (tell, told) = tokio::sync::oneshot::channel();
    let look = Box::new(move |row: RefreshRow| {
        tell.send(row.revoked).unwrap();
        Ruling { shortened: None, verdict: Verdict::Refuse }
    });
    store.exchange([2; 32], [3; 32], look).await.unwrap();
    assert!(told.await.unwrap(), "a sign-in that began meanwhile is worth nothing");
    assert_eq!(store.disable(person, None).await.unwrap().0.disabled, None);
    assert!(matches!(store.disable(PersonId(99), None).await, Err(Error::NoSuchPerson)));
}

async fn somebody_is_erased_in_two_steps(store: &impl Store) {
    let person = store.add(NewRow { roles: vec![Role::Admin], ..new("a@b") }).await.unwrap().id;
    let sign_in = store.begin_sign_in(begin(person, 1, Some(HOME))).await.unwrap();
    store.add_password_link(link(person, 9)).await.unwrap();
    assert!(store.to_erase().await.unwrap().is_empty());
    store.erase(person).await.unwrap();
    assert!(store.person(person).await.is_ok(), "nobody is erased who was not to be");
    assert_eq!(store.begin_erasure(person, NOW).await.unwrap(), [sign_in]);
    assert_eq!(store.to_erase().await.unwrap(), [person]);
    assert!(matches!(store.person(person).await, Err(Error::NoSuchPerson)));
    assert!(matches!(store.begin_erasure(person, NOW).await, Err(Error::NoSuchPerson)));
    assert!(store.credentials("a@b".to_owned(), HOME).await.unwrap().is_none());
    assert!(!store.is_signed_in(sign_in, NOW).await.unwrap() && store.staff().await.unwrap().is_empty());
    assert_eq!(store.password_link([9; 32], NOW).await.unwrap(), None);
    assert_eq!(store.people(Wanted { limit: 9, ..Wanted::default() }).await.unwrap().0, 0);
    assert!(store.names(vec![person]).await.unwrap().iter().all(|name| name.first_name.is_empty()));
    store.add(new("a@b")).await.unwrap();
    store.erase(person).await.unwrap();
    assert!(
        store.to_erase().await.unwrap().is_empty() && store.names(vec![person]).await.unwrap().is_empty()
    );
}

fn link(person: PersonId, token: u8) -> NewLink {
    NewLink { person, token: [token; 32], expires: LATER, mailed: false }
}

async fn links_are_good_once(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let other = store.add(new("c@b")).await.unwrap().id;
    store.add_password_link(link(person, 1)).await.unwrap();
    store.add_password_link(link(person, 2)).await.unwrap();
    let whose = async |number, at| store.password_link([number; 32], at).await.unwrap();
    assert_eq!((whose(1, NOW).await, whose(2, NOW).await, whose(2, LATER).await), (None, Some(person), None));
    let uses = async |number, who, token| {
        store.use_password_link([number; 32], "new".to_owned(), begin(who, token, None)).await
    };
    assert!(matches!(uses(2, other, 3).await, Err(Error::NoLink)));
    let earlier = store.begin_sign_in(begin(person, 4, None)).await.unwrap();
    let (begun, ended) = uses(2, person, 5).await.unwrap();
    assert_eq!(ended, [earlier]);
    assert!(store.is_signed_in(begun, NOW).await.unwrap());
    assert!(matches!(uses(2, person, 6).await, Err(Error::NoLink)));
    let kept = store.credentials("a@b".to_owned(), HOME).await.unwrap().unwrap();
    assert_eq!(kept.password.as_deref(), Some("new"));
    assert!(
        !store.person(person).await.unwrap().verified,
        "an administrator's link proves nothing of the address"
    );
    store.add_password_link(NewLink { mailed: true, ..link(person, 7) }).await.unwrap();
    uses(7, person, 8).await.unwrap();
    assert!(store.person(person).await.unwrap().verified);

    store.add_invitation([7; 32], LATER, NOW).await.unwrap();
    assert_eq!(store.invitations(NOW).await.unwrap(), [([7; 32], LATER)]);
    assert_eq!(store.invitations(LATER).await.unwrap(), []);
    assert!(
        store.is_invited([7; 32], NOW).await.unwrap() && !store.is_invited([7; 32], LATER).await.unwrap()
    );
    let invited = |email, number: u8| NewRow { invitation: Some([number; 32]), ..new(email) };
    assert!(matches!(store.add(invited("d@b", 8)).await, Err(Error::NoInvitation)));
    assert!(matches!(store.add(invited("a@b", 7)).await, Err(Error::EmailTaken)));
    assert!(store.is_invited([7; 32], NOW).await.unwrap(), "what is refused uses nothing up");
    store.add(invited("d@b", 7)).await.unwrap();
    assert!(matches!(store.add(invited("e@b", 7)).await, Err(Error::NoInvitation)));
}

async fn networks_are_remembered(store: &impl Store) {
    let person = store.add(new("a@b")).await.unwrap().id;
    let known =
        async |network| store.credentials("a@b".to_owned(), network).await.unwrap().unwrap().known_there;
    assert!(!known(HOME).await);
    store.begin_sign_in(begin(person, 1, Some(HOME))).await.unwrap();
    assert!(known(HOME).await && !known([1; 32]).await);
    for number in 2..4 {
        let later = UnixMs(NOW.0 + i64::from(number));
        store
            .begin_sign_in(NewSignIn { now: later, ..begin(person, number, Some([number; 32])) })
            .await
            .unwrap();
    }
    assert!(!known(HOME).await && known([2; 32]).await && known([3; 32]).await, "the newest of so many");
}

async fn changes_are_told_in_their_order(store: &impl Store) {
    let (awa, zoe) = (store.add(new("a@b")).await.unwrap().id, store.add(new("z@b")).await.unwrap().id);
    let newest = store.newest_change().await.unwrap();
    store.change(zoe, Change::default()).await.unwrap();
    store.set_role(awa, Role::Moderator, true).await.unwrap();
    store.disable(awa, Some(NOW)).await.unwrap();
    let changes = store.changes(newest).await.unwrap();
    assert_eq!(changes.iter().map(|(_, person)| *person).collect::<Vec<_>>(), [zoe, awa, awa]);
    assert_eq!(store.newest_change().await.unwrap(), changes[2].0);
    assert!(store.changes(changes[2].0).await.unwrap().is_empty());
}

async fn who_is_put_out_is_told_once(store: &impl Store) {
    let (awa, zoe) = (store.add(new("a@b")).await.unwrap().id, store.add(new("z@b")).await.unwrap().id);
    assert_eq!(store.newest_disabled().await.unwrap(), 0);
    store.disable(awa, Some(NOW)).await.unwrap();
    let again = store.disable(awa, Some(LATER)).await.unwrap().0;
    assert_eq!(again.disabled, Some(NOW), "since the first time");
    store.disable(awa, None).await.unwrap();
    store.disable(zoe, None).await.unwrap();
    store.disable(awa, Some(LATER)).await.unwrap();
    let told = store.disabled(0, 10).await.unwrap();
    let whom: Vec<_> = told.iter().map(|one| (one.person, one.at)).collect();
    assert_eq!(whom, [(awa, NOW), (awa, LATER)]);
    assert_eq!(store.disabled(told[0].number, 10).await.unwrap(), told[1..]);
    assert_eq!(store.newest_disabled().await.unwrap(), told[1].number);
}

async fn a_quota_of_ones_own_is_kept(store: &impl Store) {
    let awa = store.add(new("a@b")).await.unwrap();
    assert_eq!(awa.quota, None);
    assert_eq!(store.set_quota(awa.id, Some(5)).await.unwrap().quota, Some(5));
    assert_eq!(store.person(awa.id).await.unwrap().quota, Some(5));
    assert_eq!(store.set_quota(awa.id, None).await.unwrap().quota, None);
    assert!(matches!(store.set_quota(PersonId(99), None).await, Err(Error::NoSuchPerson)));
}
