//! The example `replay`, run as a user runs it.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

use limiter_test_support::program::build_example;
use serde_json::Value;

struct Run {
    code: i32,
    out: String,
    errors: String,
}

fn replay(input: &str) -> Run {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let mut child = Command::new(BUILT.get_or_init(|| build_example("replay")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut stdin = child.stdin.take().expect("it has a standard input");
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()).expect("it reads all"));
        child.wait_with_output().expect("it ends")
    });
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("it writes UTF-8"),
        errors: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

fn decisions(ran: &Run) -> Vec<&str> {
    ran.out.lines().collect()
}

#[test]
fn replay_agrees_with_all_recorded_runs() {
    for (name, runs, count) in [
        ("the reference", include_str!("../../../limiter-core/tests/data/limits-vectors.jsonl"), 240),
        ("the contract", include_str!("../../../limiter-core/tests/data/contract-vectors.jsonl"), 300),
    ] {
        let ran = replay(runs);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{name}");
        assert_eq!(decisions(&ran).len(), count, "{name}");
        // Not by its own word alone.
        for (run, answer) in runs.lines().zip(decisions(&ran)) {
            let run: Value = serde_json::from_str(run).unwrap();
            let answer: Value = serde_json::from_str(answer).unwrap();
            let expected = run["expect"].as_array().unwrap();
            let decided = answer["decisions"].as_array().unwrap();
            assert_eq!(decided.len(), expected.len());
            for (decided, expected) in decided.iter().zip(expected) {
                assert!(decided.as_array().unwrap().starts_with(expected.as_array().unwrap()), "{run}");
            }
        }
    }
}

#[test]
fn replay_prints_decisions_as_they_come() {
    let ran = replay(
        r#"{"strategy": "moving-window", "limit": "1/second", "hits": [[0, 1], [400, 1], [400, 0], [400, 2]]}
{"strategy": "token-bucket", "limit": "2 per minute", "burst": 3, "hits": [[5, 3], [6, 1]], "note": "ignored"}
{"strategy": "token-bucket", "limit": "3/minute", "burst": null, "hits": [], "expect": null}"#,
    );
    assert_eq!(
        decisions(&ran),
        [
            r#"{"decisions":[[true,0,null],[false,0,600],[true,0,null],[false,0,null]]}"#,
            r#"{"decisions":[[true,0,null],[false,0,29999]]}"#,
            r#"{"decisions":[]}"#,
        ]
    );
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    assert_eq!(replay("").code, 0);
}

#[test]
fn replay_reports_unexpected_decisions() {
    let ran = replay(
        r#"{"strategy": "fixed-window", "limit": "1/second", "hits": [[0, 1], [1, 1]], "expect": [[true, 0], [false, 0, 999]]}
{"strategy": "fixed-window", "limit": "1/second", "hits": [[0, 1], [1, 1]], "expect": [[true, 0], [false, 0, 998]]}
{"strategy": "fixed-window", "limit": "1/second", "hits": [[0, 1]], "expect": [[true, 1, null], [true, 0]]}"#,
    );
    assert_eq!(ran.code, 1);
    assert_eq!(decisions(&ran).len(), 3);
    assert_eq!(
        ran.errors,
        "line 2: hit 1 (from 0): decided [false,0,999], expected [false,0,998]\n\
         line 3: 1 hits, but 2 are expected\n\
         line 3: hit 0 (from 0): decided [true,0,null], expected [true,1,null]\n"
    );
}

#[test]
fn replay_names_invalid_lines_and_decides_the_others() {
    const GOOD: &str =
        r#"{"strategy": "fixed-window", "limit": "1/second", "hits": [[0, 1]], "expect": [[true, 1]]}"#;
    let with = |field: &str, value: &str| {
        let mut run: Value = serde_json::from_str(GOOD).unwrap();
        run[field] = serde_json::from_str(value).unwrap();
        run.to_string()
    };
    let bad = [
        (String::new(), "EOF while parsing a value at column 0"),
        ("{".to_owned(), "EOF while parsing an object"),
        ("[1]".to_owned(), "invalid type: integer `1`"),
        ("{}".to_owned(), "missing field `strategy`"),
        (
            with("limit", r#""5/fortnight""#),
            "expected second, minute, hour, day, week, month or year at byte 2",
        ),
        (with("limit", r#""5/m""#), "`min` (minute) or `month`"),
        (with("limit", "5"), "invalid type: integer `5`, expected a string"),
        (with("strategy", r#""leaky""#), "`strategy`: expected `fixed-window`"),
        (with("burst", "3"), "a burst requires the strategy `token-bucket`"),
        (with("burst", "0"), "expected a nonzero u64"),
        (with("hits", "[[0]]"), "invalid length 1, expected a tuple of size 2"),
        (with("hits", "[[0, -1]]"), "invalid value: integer `-1`, expected u64"),
        (with("hits", "[[0.5, 1]]"), "invalid type: floating point `0.5`, expected u64"),
        (with("expect", "[[true]]"), "`expect` has [allowed, remaining] or"),
        (
            with("strategy", r#""moving-window""#).replace("1/second", "10001/second"),
            "remembers too many hits",
        ),
        (" ".repeat((16 << 20) + 1), "longer than 16777216 bytes"),
    ];
    let mut input = String::new();
    for (line, _) in &bad {
        input.extend([line, "\n", GOOD, "\n"]);
    }
    let ran = replay(&input);
    assert_eq!(ran.code, 2, "a line that cannot be read counts more than one that differs");
    assert_eq!(decisions(&ran), vec![r#"{"decisions":[[true,0,null]]}"#; bad.len()]);
    let errors: Vec<_> = ran.errors.lines().collect();
    assert_eq!(errors.len(), 2 * bad.len());
    for (index, (line, expected)) in bad.iter().enumerate() {
        let number = 2 * index + 1;
        let error = errors[2 * index];
        assert!(
            error.starts_with(&format!("line {number}: ")) && error.contains(expected),
            "{error}: {line:.80}"
        );
        assert!(errors[2 * index + 1].starts_with(&format!("line {}: hit 0", number + 1)));
    }
}
