//! A JSON object that is really one.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` that was written as `{…}`. For a struct alone, serde would also take `[…]` with the fields in their order, which nobody
/// who speaks our protocols ever sends.
#[derive(Debug)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FromMap(PhantomData)).map(Self)
    }
}

struct FromMap<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FromMap<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code)]
    struct Pair {
        a: u8,
        b: u8,
    }

    #[test]
    fn fields_in_a_list_are_no_object() {
        assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "serde would take it");
        assert!(serde_json::from_str::<JsonObject<Pair>>("[1,2]").is_err());
        assert!(serde_json::from_str::<JsonObject<Pair>>(r#"{"a":1,"b":2}"#).is_ok());
        for wrong in [
            r#"{"a":1}"#,
            r#"{"a":1,"b":2,"a":1}"#,
            r#"{"a":1,"b":"2"}"#,
            "null",
            "{}",
            "7",
        ] {
            assert!(serde_json::from_str::<JsonObject<Pair>>(wrong).is_err(), "{wrong}");
        }
    }
}
