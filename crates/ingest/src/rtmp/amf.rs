//! AMF0 ("Action Message Format", AMF 0): the values of commands, read with limits and written.

/// Objects in one another at most.
const MOST_DEEP: u32 = 16;
/// Values of a message at most.
const MOST_VALUES: u32 = 4_096;

/// The markers of types (2.1).
mod marker {
    pub(super) const NUMBER: u8 = 0;
    pub(super) const BOOLEAN: u8 = 1;
    pub(super) const STRING: u8 = 2;
    pub(super) const OBJECT: u8 = 3;
    pub(super) const NULL: u8 = 5;
    pub(super) const UNDEFINED: u8 = 6;
    pub(super) const REFERENCE: u8 = 7;
    pub(super) const ECMA_ARRAY: u8 = 8;
    pub(super) const END: u8 = 9;
    pub(super) const STRICT_ARRAY: u8 = 10;
    pub(super) const DATE: u8 = 11;
    pub(super) const LONG_STRING: u8 = 12;
    pub(super) const UNSUPPORTED: u8 = 13;
    pub(super) const XML: u8 = 15;
    pub(super) const TYPED_OBJECT: u8 = 16;
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Text; what is not UTF-8 in it is replaced.
    String(String),
    /// Names and values, in order: an object or an ECMA array.
    Object(Vec<(String, Value)>),
    /// A strict array.
    Array(Vec<Value>),
    /// Nothing, or a value that means nothing here.
    Null,
}

/// Why bytes are no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// They end in the middle of a value, or have a type that is none.
    Torn,
    /// More objects in one another, or more values, than may be.
    TooMuch,
}

impl Value {
    /// The text that it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a name in an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Reads all values of a message.
///
/// # Errors
/// Both of [`Bad`].
pub fn read(bytes: &[u8]) -> Result<Vec<Value>, Bad> {
    let mut input = Input { rest: bytes, left: MOST_VALUES };
    let mut values = Vec::new();
    while !input.rest.is_empty() {
        values.push(input.value(MOST_DEEP)?);
    }
    Ok(values)
}

struct Input<'a> {
    rest: &'a [u8],
    /// Values that may still come.
    left: u32,
}

impl<'a> Input<'a> {
    fn value(&mut self, deep: u32) -> Result<Value, Bad> {
        self.left = self.left.checked_sub(1).ok_or(Bad::TooMuch)?;
        let deeper = || deep.checked_sub(1).ok_or(Bad::TooMuch);
        Ok(match self.array::<1>()?[0] {
            marker::NUMBER => Value::Number(f64::from_be_bytes(self.array()?)),
            marker::BOOLEAN => Value::Boolean(self.array::<1>()?[0] != 0),
            marker::STRING => Value::String(self.short_text()?),
            marker::LONG_STRING | marker::XML => {
                let len = u32::from_be_bytes(self.array()?);
                Value::String(text(self.bytes(len as usize)?))
            }
            marker::OBJECT => Value::Object(self.members(deeper()?)?),
            marker::ECMA_ARRAY => {
                // How many there are is said by the end of the list, too.
                self.array::<4>()?;
                Value::Object(self.members(deeper()?)?)
            }
            marker::TYPED_OBJECT => {
                self.short_text()?;
                Value::Object(self.members(deeper()?)?)
            }
            marker::STRICT_ARRAY => {
                let (count, deep) = (u32::from_be_bytes(self.array()?), deeper()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(deep)?);
                }
                Value::Array(values)
            }
            marker::DATE => {
                let at = f64::from_be_bytes(self.array()?);
                self.array::<2>()?;
                Value::Number(at)
            }
            marker::REFERENCE => {
                self.array::<2>()?;
                Value::Null
            }
            marker::NULL | marker::UNDEFINED | marker::UNSUPPORTED => Value::Null,
            _ => return Err(Bad::Torn),
        })
    }

    /// Names and values up to the end of an object (2.5).
    fn members(&mut self, deep: u32) -> Result<Vec<(String, Value)>, Bad> {
        let mut members = Vec::new();
        loop {
            let name = self.short_text()?;
            if name.is_empty() && self.rest.first() == Some(&marker::END) {
                self.array::<1>()?;
                return Ok(members);
            }
            members.push((name, self.value(deep)?));
        }
    }

    fn short_text(&mut self) -> Result<String, Bad> {
        let len = u16::from_be_bytes(self.array()?);
        Ok(text(self.bytes(len.into())?))
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Bad> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Bad::Torn)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Bad::Torn)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes values one after the other. Texts have at most 65,535 bytes; what is longer is cut.
pub(super) fn write(out: &mut Vec<u8>, values: &[Value]) {
    for value in values {
        match value {
            Value::Number(number) => {
                out.push(marker::NUMBER);
                out.extend(number.to_be_bytes());
            }
            Value::Boolean(is) => out.extend([marker::BOOLEAN, u8::from(*is)]),
            Value::String(text) => {
                out.push(marker::STRING);
                put_text(out, text);
            }
            Value::Object(members) => {
                out.push(marker::OBJECT);
                for (name, value) in members {
                    put_text(out, name);
                    write(out, std::slice::from_ref(value));
                }
                out.extend([0, 0, marker::END]);
            }
            Value::Array(values) => {
                out.push(marker::STRICT_ARRAY);
                out.extend((values.len() as u32).to_be_bytes());
                write(out, values);
            }
            Value::Null => out.push(marker::NULL),
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(u16::MAX.into())];
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..depth {
            bytes.extend([marker::OBJECT, 0, 1, b'a']);
        }
        bytes.push(marker::NULL);
        bytes.extend([0, 0, marker::END].repeat(depth));
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let values = vec![
            Value::String("connect".into()),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".into(), Value::String("live".into())),
                ("list".into(), Value::Array(vec![Value::Boolean(true), Value::Null])),
            ]),
            Value::Null,
        ];
        let mut bytes = Vec::new();
        write(&mut bytes, &values);
        assert_eq!(read(&bytes), Ok(values.clone()));
        for end in 0..bytes.len() {
            let _ = read(&bytes[..end]);
        }
        assert_eq!(values[2].get("app").and_then(Value::as_str), Some("live"));
    }

    #[test]
    fn an_ecma_array_is_read_to_its_end_whatever_it_says_of_its_length() {
        let mut bytes = vec![marker::ECMA_ARRAY, 0xff, 0xff, 0xff, 0xff, 0, 1, b'w', marker::NUMBER];
        bytes.extend(640_f64.to_be_bytes());
        bytes.extend([0, 0, marker::END]);
        assert_eq!(read(&bytes), Ok(vec![Value::Object(vec![("w".into(), Value::Number(640.0))])]));
    }

    #[test]
    fn depth_and_number_are_limited() {
        assert!(read(&nested(16)).is_ok());
        assert_eq!(read(&nested(17)), Err(Bad::TooMuch));
        assert_eq!(read(&nested(10_000)), Err(Bad::TooMuch));
        assert_eq!(read(&[marker::NULL].repeat(4_097)), Err(Bad::TooMuch));
        assert_eq!(read(&[marker::STRICT_ARRAY, 0xff, 0xff, 0xff, 0xff]), Err(Bad::Torn));
        assert_eq!(read(&[17]), Err(Bad::Torn), "AMF3");
    }
}
