//! Who may do what, as `docs/API.md` says it. Nothing here asks the server.

use std::collections::BTreeSet;

/// Whom a live is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    Public,
    Unlisted,
    Members,
}

/// What somebody may do beside what everybody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    None,
    Moderator,
    Admin,
}

#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    pub(crate) role: Role,
    pub(crate) disabled: bool,
    pub(crate) erased: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) person: usize,
    pub(crate) over: bool,
}

/// A live, and which of its keys are the newest.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) author: usize,
    pub(crate) visibility: Visibility,
    pub(crate) epoch: usize,
    pub(crate) watch_key: usize,
    pub(crate) stream_key: usize,
    pub(crate) deleted: bool,
    pub(crate) banned: BTreeSet<usize>,
}

/// What somebody comes with. Lives, people and sign-ins are named by their place in the model, keys by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    Nothing,
    SignIn(usize),
    WatchKey { live: usize, number: usize },
    StreamKey { live: usize, number: usize },
    Media { live: usize, epoch: usize, by: Holder },
}

/// By what right somebody got a token for media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    WatchKey,
    StreamKey(usize),
    Person(usize),
}

/// What somebody wants of a live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// See and hear it.
    Watch,
    /// Read what it is and what is said there.
    Read,
    /// Write there.
    Write,
    /// Send its picture, or frames.
    Publish,
    /// Change it.
    Change,
}

pub(crate) const ACTS: [Act; 5] = [Act::Watch, Act::Read, Act::Write, Act::Publish, Act::Change];

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) people: Vec<Somebody>,
    pub(crate) sign_ins: Vec<SignIn>,
    pub(crate) lives: Vec<Shown>,
}

impl Model {
    /// Whether whoever comes with this may do that.
    pub(crate) fn may(&self, act: Act, right: Right, live: usize) -> bool {
        let shown = &self.lives[live];
        let person = match right {
            Right::SignIn(at) if self.sign_ins[at].over => return false,
            Right::SignIn(at) => Some(self.sign_ins[at].person).filter(|person| self.is_in(*person)),
            _ => None,
        };
        // A token that is good no longer opens nothing, what is public neither.
        if shown.deleted || (matches!(right, Right::SignIn(_)) && person.is_none()) {
            return false;
        }
        let reads = self.reads(right, person, live);
        match act {
            Act::Read => reads,
            Act::Watch => reads || self.watches(right, live),
            Act::Write => reads && person.is_some_and(|person| !shown.banned.contains(&person)),
            Act::Change => person.is_some_and(|person| self.leads(person, live)),
            Act::Publish => {
                let is_key = right == Right::StreamKey { live, number: shown.stream_key };
                is_key
                    || person.is_some_and(|who| who == shown.author || self.people[who].role == Role::Admin)
            }
        }
    }

    /// By what right a token for media is got by whoever may read a live that is not public.
    pub(crate) fn holder(&self, right: Right) -> Option<Holder> {
        match right {
            Right::SignIn(at) => Some(Holder::Person(self.sign_ins[at].person)),
            Right::WatchKey { .. } => Some(Holder::WatchKey),
            Right::StreamKey { number, .. } => Some(Holder::StreamKey(number)),
            Right::Nothing | Right::Media { .. } => None,
        }
    }

    fn is_in(&self, person: usize) -> bool {
        !self.people[person].disabled && !self.people[person].erased
    }

    fn leads(&self, person: usize, live: usize) -> bool {
        self.lives[live].author == person || self.people[person].role != Role::None
    }

    fn reads(&self, right: Right, person: Option<usize>, live: usize) -> bool {
        let shown = &self.lives[live];
        match (shown.visibility, right) {
            (Visibility::Public, _) => true,
            (_, Right::StreamKey { .. }) => right == Right::StreamKey { live, number: shown.stream_key },
            (Visibility::Unlisted, Right::WatchKey { .. }) => {
                right == Right::WatchKey { live, number: shown.watch_key }
            }
            (Visibility::Members, _) => person.is_some(),
            _ => person.is_some_and(|person| self.leads(person, live)),
        }
    }

    fn watches(&self, right: Right, live: usize) -> bool {
        let shown = &self.lives[live];
        let Right::Media { live: of, epoch, by } = right else { return false };
        of == live
            && epoch == shown.epoch
            && match by {
                Holder::WatchKey => shown.visibility == Visibility::Unlisted,
                Holder::StreamKey(number) => number == shown.stream_key,
                Holder::Person(person) => {
                    self.is_in(person)
                        && (shown.visibility == Visibility::Members || self.leads(person, live))
                }
            }
    }

    /// Every sign-in of somebody is over.
    pub(crate) fn sign_out(&mut self, person: usize) {
        for sign_in in self.sign_ins.iter_mut().filter(|sign_in| sign_in.person == person) {
            sign_in.over = true;
        }
    }
}
