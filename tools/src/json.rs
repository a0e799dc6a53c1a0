//! JSON as chats write it: values looked up by path, numbers that are strings, and the one canonical text of a value.
//!
//! The canonical text (keys in the order of their code points, no white space, whole numbers) is that of the Matrix
//! specification, and what `serde_json` writes of a value whose maps are sorted; a test holds that it stays so.
//! Not here: what any of it means.

use serde_json::Value;

/// The value at a path of keys.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The text at a path of keys.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// The whole number at a path of keys; protobuf's JSON writes long ones as text.
pub(crate) fn number(value: &Value, path: &[&str]) -> Option<u64> {
    let value = at(value, path)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The items at a path of keys; none where there is no list.
pub(crate) fn items<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The one text of a value.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    // Writing a value to memory cannot fail: its keys are strings.
    serde_json::to_vec(value).unwrap_or_default()
}

/// No number has a fraction or lies beyond what every reader of JSON keeps exactly.
pub(crate) fn is_canonical(value: &Value) -> bool {
    const EXACT_MAX: u64 = (1 << 53) - 1;
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|whole| whole.unsigned_abs() <= EXACT_MAX),
        Value::Array(items) => items.iter().all(is_canonical),
        Value::Object(fields) => fields.values().all(is_canonical),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the Matrix specification, appendix "Canonical JSON".
    #[test]
    fn writes_the_examples_of_the_specification() {
        for (written, wanted) in [
            ("{}", "{}"),
            (r#"{"one": 1, "two": "Two"}"#, r#"{"one":1,"two":"Two"}"#),
            (r#"{"b": "2", "a": "1"}"#, r#"{"a":"1","b":"2"}"#),
            (r#"{"本": 2, "日": 1}"#, r#"{"日":1,"本":2}"#),
            (r#"{"a": "日本語"}"#, r#"{"a":"日本語"}"#),
            ("{\"a\": \"\\u65E5\"}", "{\"a\":\"日\"}"),
            (r#"{"a": null}"#, r#"{"a":null}"#),
            (r#"{"a": -0, "b": 1}"#, r#"{"a":-0,"b":1}"#),
        ] {
            let value: Value = serde_json::from_str(written).expect(written);
            let printed = String::from_utf8(canonical(&value)).expect("UTF-8");
            // Minus nought is no whole number to a reader of JSON: such an event is told to be none.
            if written.contains("-0") {
                assert!(!is_canonical(&value));
            } else {
                assert_eq!(printed, wanted);
            }
        }
    }

    #[test]
    fn keys_are_sorted_by_code_point_and_not_by_utf_16() {
        let value: Value = serde_json::from_str("{\"\u{10000}\":1,\"\u{ff5e}\":2}").expect("JSON");
        assert_eq!(canonical(&value), "{\"\u{ff5e}\":2,\"\u{10000}\":1}".as_bytes());
    }

    #[test]
    fn fractions_and_numbers_that_are_not_kept_exactly_are_not_canonical() {
        let of = |text: &str| is_canonical(&serde_json::from_str(text).expect(text));
        assert!(of("[9007199254740991, -9007199254740991, {\"a\": \"1.5\"}]"));
        for refused in ["9007199254740992", "-9007199254740992", "1.5", "{\"a\": [1e3]}"] {
            assert!(!of(refused), "{refused}");
        }
    }
}
