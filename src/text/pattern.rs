//! stub
pub struct CommandPattern(String);
impl CommandPattern { pub fn parse(t: &str) -> Self { Self(t.into()) } pub fn matches(&self, c: &str) -> bool { c.contains(&self.0) } }
