//! The text of Prometheus' exposition formats: the text format 0.0.4, and `OpenMetrics` 1.0.

use std::fmt::{Display, Write};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// What everything reads.
    Text,
    /// What was standardised later, where it is asked for.
    OpenMetrics,
}

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only goes up. Its name ends in `_total`.
    Counter,
    /// Counts of what was at most as large as each of some bounds.
    Histogram,
    /// Always 1: the labels tell. Its name ends in `_info`.
    Info,
}

/// The text so far.
#[derive(Debug)]
pub(super) struct Exposition {
    text: String,
    dialect: Dialect,
}

/// The labels of a sample, with their values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Dialect {
    /// The one to answer with, for what a client says that it takes (RFC 9110 12.5.1): the text format, unless the
    /// other is named and not refused.
    pub(super) fn wanted(accept: Option<&str>) -> Self {
        let names_it = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let is_it =
                parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
            let refused = parts.any(|part| {
                part.strip_prefix("q=").is_some_and(|q| q.chars().all(|c| matches!(c, '0' | '.')))
            });
            is_it && !refused
        };
        if accept.unwrap_or_default().split(',').any(names_it) { Self::OpenMetrics } else { Self::Text }
    }

    /// The `Content-Type` of it.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Exposition {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { text: String::with_capacity(16 * 1024), dialect }
    }

    /// From here on, samples of this family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        // OpenMetrics names a family without what its samples' names end in.
        let (name, word) = match (kind, self.dialect) {
            (Kind::Gauge, _) | (Kind::Info, Dialect::Text) => (name, "gauge"),
            (Kind::Histogram, _) => (name, "histogram"),
            (Kind::Counter, Dialect::Text) => (name, "counter"),
            (Kind::Counter, Dialect::OpenMetrics) => (name.strip_suffix("_total").unwrap_or(name), "counter"),
            (Kind::Info, Dialect::OpenMetrics) => (name.strip_suffix("_info").unwrap_or(name), "info"),
        };
        let _ = write!(self.text, "# HELP {name} ");
        push_escaped(&mut self.text, help, self.dialect == Dialect::OpenMetrics);
        let _ = writeln!(self.text, "\n# TYPE {name} {word}");
    }

    /// One number.
    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        self.text.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            push_escaped(&mut self.text, value, true);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// A histogram: how many took at most so many milliseconds each, the last of them all there were, and the
    /// milliseconds of all together. In seconds, as Prometheus has it.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: Labels<'_>,
        bounds_ms: &[u64],
        counts: &[u64],
        sum_ms: u64,
    ) {
        let bounds = bounds_ms.iter().map(|bound| Seconds::of(*bound).to_string());
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts) {
            let with_bound: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            self.sample(&format!("{name}_bucket"), &with_bound, count);
        }
        self.sample(&format!("{name}_sum"), labels, Seconds::of(sum_ms));
        self.sample(&format!("{name}_count"), labels, counts.last().copied().unwrap_or(0));
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.dialect == Dialect::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Milliseconds, written as seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(i128);

impl Seconds {
    pub(super) fn of(milliseconds: impl Into<i128>) -> Self {
        Self(milliseconds.into())
    }
}

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (seconds, rest) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        write!(f, "{sign}{seconds}.{rest:03}")
    }
}

fn push_escaped(text: &mut String, value: &str, quotes: bool) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(dialect: Dialect) -> String {
        let mut text = Exposition::new(dialect);
        text.family("x_info", Kind::Info, "What \"it\" is\\");
        text.sample("x_info", &[("version", "a\"b\\c\nd")], 1);
        text.family("y_total", Kind::Counter, "Ys");
        text.sample("y_total", &[("a", "1"), ("b", "é")], 7);
        text.family("z_seconds", Kind::Histogram, "Zs");
        text.histogram("z_seconds", &[("a", "1")], &[50, 1000], &[1, 2, 3], 61_234);
        text.family("skew_seconds", Kind::Gauge, "Skew");
        text.sample("skew_seconds", &[], Seconds::of(-400));
        text.finish()
    }

    #[test]
    fn the_text_format_is_as_prometheus_describes_it() {
        let expected = r#"# HELP x_info What "it" is\\
# TYPE x_info gauge
x_info{version="a\"b\\c\nd"} 1
# HELP y_total Ys
# TYPE y_total counter
y_total{a="1",b="é"} 7
# HELP z_seconds Zs
# TYPE z_seconds histogram
z_seconds_bucket{a="1",le="0.050"} 1
z_seconds_bucket{a="1",le="1.000"} 2
z_seconds_bucket{a="1",le="+Inf"} 3
z_seconds_sum{a="1"} 61.234
z_seconds_count{a="1"} 3
# HELP skew_seconds Skew
# TYPE skew_seconds gauge
skew_seconds -0.400
"#;
        assert_eq!(all(Dialect::Text), expected);
    }

    #[test]
    fn openmetrics_names_families_without_their_ends_and_has_one() {
        let text = all(Dialect::OpenMetrics);
        assert!(text.starts_with("# HELP x What \\\"it\\\" is\\\\\n# TYPE x info\nx_info{"), "{text}");
        assert!(text.contains("# TYPE y counter\ny_total{"), "{text}");
        assert!(text.ends_with("skew_seconds -0.400\n# EOF\n"), "{text}");
    }

    #[test]
    fn openmetrics_is_for_who_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
        for (accept, expected) in [
            (None, Dialect::Text),
            (Some("*/*"), Dialect::Text),
            (Some("text/plain"), Dialect::Text),
            (Some(prometheus), Dialect::OpenMetrics),
            (Some("application/openmetrics-text; q=0.0, text/plain"), Dialect::Text),
        ] {
            assert_eq!(Dialect::wanted(accept), expected, "{accept:?}");
        }
    }
}
