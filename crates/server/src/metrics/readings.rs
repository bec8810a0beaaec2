use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, GaugeVec, Opts};

use super::PREFIX;

/// What is read at the moment when somebody asks, rather than counted as it happens.
#[derive(Default)]
pub(crate) struct Readings(Vec<MetricFamily>);

impl Readings {
    /// One value of ours.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.gauge_of(name, help, &[], value);
    }

    /// One value of ours with labels.
    pub(crate) fn gauge_of(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.add_gauge(Opts::new(name, help).namespace(PREFIX), labels, value);
    }

    /// A value of ours for each engine.
    pub(crate) fn by_engine(&mut self, name: &str, help: &str, values: &[(&str, f64)]) {
        let gauges = GaugeVec::new(Opts::new(name, help).namespace(PREFIX), &["engine"]);
        let gauges = gauges.expect("the name is one");
        for (engine, value) in values {
            gauges.with_label_values(&[engine]).set(*value);
        }
        self.0.extend(gauges.collect());
    }

    /// A count of ours by one label.
    pub(crate) fn counts(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) {
        let counters = CounterVec::new(Opts::new(name, help).namespace(PREFIX), &[label]);
        let counters = counters.expect("the name is one");
        for (of, count) in values {
            counters.with_label_values(&[of]).inc_by(*count as f64);
        }
        self.0.extend(counters.collect());
    }

    /// A count without labels under its whole name.
    pub(crate) fn count(&mut self, whole_name: &str, help: &str, count: f64) {
        let counters = CounterVec::new(Opts::new(whole_name, help), &[]).expect("the name is one");
        counters.with_label_values::<&str>(&[]).inc_by(count);
        self.0.extend(counters.collect());
    }

    /// A value under its whole name.
    pub(super) fn plain(&mut self, whole_name: &str, help: &str, value: f64) {
        self.add_gauge(Opts::new(whole_name, help), &[], value);
    }

    fn add_gauge(&mut self, options: Opts, labels: &[(&str, &str)], value: f64) {
        let (names, values): (Vec<&str>, Vec<&str>) = labels.iter().copied().unzip();
        let gauges = GaugeVec::new(options, &names).expect("the name is one");
        gauges.with_label_values(&values).set(value);
        self.0.extend(gauges.collect());
    }

    pub(super) fn into_families(self) -> Vec<MetricFamily> {
        self.0
    }
}
