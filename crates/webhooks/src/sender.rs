//! One request to a webhook.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ids::UnixMs;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::{Secret, address};

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long all of it may take, up to the head of the answer. Its body is not read.
const PATIENCE: Duration = Duration::from_secs(10);
/// Characters of an address at most.
const LONGEST: usize = 2_048;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) url: &'a str,
    pub(crate) secret: &'a Secret,
    pub(crate) allow_private: bool,
    pub(crate) message: &'a str,
    pub(crate) body: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    /// What happened, in a sentence.
    pub(crate) said: String,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Outcome {
    pub(crate) fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether whoever answers wants to hear no more (Standard Webhooks, "Delivery": 410 Gone).
    pub(crate) fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// Sends requests: to everybody's addresses alone, or anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    outside: Client,
    anywhere: Client,
}

impl Sender {
    pub(crate) fn new() -> Result<Self, String> {
        let client = |names: Names| {
            // A proxy would look names up itself, and a kept connection would outlive what was checked.
            let client = Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .connect_timeout(CONNECTING)
                .timeout(PATIENCE)
                .pool_max_idle_per_host(0)
                .user_agent(concat!("CommuniConnect-Live/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(names);
            client.build().map_err(|error| error.to_string())
        };
        let outside = client(Names { allow_private: false })?;
        Ok(Self { outside, anywhere: client(Names { allow_private: true })? })
    }

    pub(crate) async fn send(&self, request: Request<'_>) -> Outcome {
        let begun = Instant::now();
        let (status, said) = match self.answer(request).await {
            Ok(status) if (300..400).contains(&status) => {
                (Some(status), format!("the answer is {status}: redirects are not followed"))
            }
            Ok(status) => (Some(status), format!("the answer is {status}")),
            Err(sentence) => (None, sentence),
        };
        Outcome { status, said, took: begun.elapsed() }
    }

    async fn answer(&self, request: Request<'_>) -> Result<u16, String> {
        let Request { url, secret, allow_private, message, body } = request;
        // An address that stands in the URL itself is never looked up as a name.
        let url = checked(url, allow_private)?;
        let client = if allow_private { &self.anywhere } else { &self.outside };
        let seconds = UnixMs::now().seconds();
        let answer = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", message)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", secret.sign(message, seconds, body))
            .body(body.to_owned())
            .send()
            .await;
        // The body is dropped unread, and the connection with it.
        answer.map(|answer| answer.status().as_u16()).map_err(|error| whole(&error))
    }
}

/// The address of a webhook, if it may be one.
///
/// # Errors
/// A sentence: it is no http(s) address, holds a name or a password, is too long, or is inside the operator's network.
pub(crate) fn checked(url: &str, allow_private: bool) -> Result<Url, String> {
    if url.len() > LONGEST {
        return Err(format!("an address has at most {LONGEST} characters"));
    }
    let url: Url = url.parse().map_err(|error| format!("{url} is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the address of a webhook begins with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address of a webhook holds no name and no password: requests are signed".to_owned());
    }
    let host = url.host_str().ok_or_else(|| format!("{url} names no host"))?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_inside = match literal {
        Ok(address) => !address::is_public(address),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    };
    if is_inside && !allow_private { Err(inside(host)) } else { Ok(url) }
}

fn inside(host: &str) -> String {
    format!(
        "{host} is an address inside the network, which this webhook may not be sent to (--allow-private)"
    )
}

/// Looks names up, and answers only addresses that may be connected to: these are the ones that are.
struct Names {
    allow_private: bool,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let may = |address: &SocketAddr| allow_private || address::is_public(address.ip());
            let addresses: Vec<SocketAddr> = found.filter(may).collect();
            if addresses.is_empty() {
                return Err(inside(&host).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// An error with what led to it, without the address that it concerns.
fn whole(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut said = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&error.to_string());
        next = error.source();
    }
    if said.is_empty() { error.to_string() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_inside_is_refused_in_every_way_of_writing_it() {
        for url in [
            "http://127.0.0.1:9/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://localhost:80/",
            "http://a.localhost/",
            "https://169.254.169.254/latest/",
            "http://LOCALHOST./",
            "http://0/",
        ] {
            let refused = checked(url, false).unwrap_err();
            assert!(refused.contains("inside the network"), "{url}: {refused}");
            assert!(checked(url, true).is_ok(), "{url}");
        }
        for url in [
            "ftp://example.org/",
            "example.org",
            "https://a:b@example.org/",
            "https://a@example.org/",
            "http://",
        ] {
            assert!(checked(url, true).is_err(), "{url}");
        }
        assert!(checked("https://example.org/hook?x=1", false).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        // The system knows this name without asking anybody.
        let found = Names { allow_private: false }.resolve("localhost".parse().unwrap()).await;
        let error = found.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("inside the network"), "{error}");
        assert!(Names { allow_private: true }.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
