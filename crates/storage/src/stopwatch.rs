use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

/// Whoever wants to know how long something takes; nobody at first.
#[derive(Default)]
pub struct Stopwatch(OnceLock<Box<dyn Fn(Duration) + Send + Sync>>);

impl Stopwatch {
    /// Tells `hear` from now on. Whoever asked first goes on being told: a later one is not. It is called where the time was
    /// taken, so it must be quick.
    pub fn tell(&self, hear: impl Fn(Duration) + Send + Sync + 'static) {
        // A second one is not taken.
        let _ = self.0.set(Box::new(hear));
    }

    /// Something took so long.
    pub fn took(&self, time: Duration) {
        if let Some(hear) = self.0.get() {
            hear(time);
        }
    }
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stopwatch").field("is_heard", &self.0.get().is_some()).finish()
    }
}
