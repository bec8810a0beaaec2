//! A viewer who zaps: tails, whole replays, ranges of replays.

use std::time::Duration;

use futures_util::StreamExt;
use promises::Api;
use promises::random::Random;
use reqwest::Method;

use super::publisher::Stage;
use super::{Place, Shared, lock};

/// Watches one live after another until the end of the campaign; answers how many openings gave bytes.
pub(crate) async fn watch_anything(
    place: Place,
    stages: Vec<(Shared<Option<Stage>>, &'static str)>,
    mut random: Random,
) -> u64 {
    let mut watched = 0;
    while !place.is_over() {
        let (stage, container) = &stages[random.between(0, stages.len() - 1)];
        let Some(stage) = lock(stage).clone() else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let api = Api::new(&place.base().await);
        let (path, range) = match random.between(0, 3) {
            0 => (format!("replay.{container}"), Some(random.between(0, 200_000))),
            1 => (format!("replay.{container}"), None),
            _ => (format!("tail.{container}?from_ms=0"), None),
        };
        let mut request = api.request(Method::GET, &stage.live.path(&path));
        if let Some(from) = range {
            request = request.header("Range", format!("bytes={from}-{}", from + 50_000));
        }
        let stay = Duration::from_millis(random.between(200, 3_000) as u64);
        if let Ok(Ok(answer)) = tokio::time::timeout(stay, request.send()).await {
            let status = answer.status().as_u16();
            assert!(place.may_fail || status != 500, "{path}: 500");
            let read = tokio::time::timeout(stay, read_slowly(answer)).await;
            watched += u64::from(status < 300 && !matches!(read, Ok(0)));
        }
        tokio::time::sleep(Duration::from_millis(random.between(50, 500) as u64)).await;
    }
    watched
}

async fn read_slowly(answer: reqwest::Response) -> usize {
    let mut pieces = answer.bytes_stream();
    let mut read = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        read += piece.len();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    read
}
