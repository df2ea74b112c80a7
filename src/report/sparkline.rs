//! Numbers as a line of bars.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for each value, from nothing to the largest of them.
pub fn sparkline(values: &[i64]) -> String {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let bar = |value: &i64| BARS[((value.max(&0) * 7 + most / 2) / most) as usize];
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn bars_are_in_proportion_to_the_largest() {
        assert_eq!(sparkline(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), "▁▂▃▄▅▅▆▇█");
        assert_eq!(sparkline(&[100, 101, 99, 400]), "▃▃▃█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }
}
