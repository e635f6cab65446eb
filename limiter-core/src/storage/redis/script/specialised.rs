//! Scripts without loops, tables and functions, specialised for the usual batch: a few limits and nothing else.
//!
//! They take the server about half the time of the others. Such a script reads all arguments at once, and all records
//! of a key. This fast path requires that the key does not exist, or that the records are its first, in the order of
//! the limits. Otherwise, and if a refusal changes counts, the script continues as one for any batch.

use smallvec::SmallVec;

use super::source::{BEGIN, DECIDE, Strategies, counts, section};
use crate::Strategy;

/// The strategies of a few limits, each of a count of its own, and the places of their keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct BatchShape(SmallVec<[(Strategy, usize); BatchShape::MAX_LIMITS]>);

impl BatchShape {
    /// The maximum number of limits. Each more makes the scripts longer and more numerous.
    const MAX_LIMITS: usize = 4;

    /// Creates a shape, or returns `None` if no script is specialised for these strategies and places of keys.
    pub(in super::super) fn of(limits: impl IntoIterator<Item = (Strategy, usize)>) -> Option<Self> {
        let mut shape = SmallVec::new();
        for limit in limits {
            if shape.len() == Self::MAX_LIMITS || limit.0 == Strategy::MovingWindow {
                return None;
            }
            shape.push(limit);
        }
        (!shape.is_empty()).then_some(Self(shape))
    }

    /// Returns the places of the limits of a key.
    pub(in super::super) fn limits_of(&self, key: usize) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(move |(_, (_, place))| *place == key).map(|(limit, _)| limit)
    }

    pub(in super::super) fn keys(&self) -> impl Iterator<Item = usize> {
        0..self.0.iter().map(|(_, place)| place + 1).max().unwrap_or(0)
    }

    pub(in super::super) fn is_elastic(&self) -> bool {
        self.0.iter().any(|(strategy, _)| *strategy == Strategy::FixedWindowElasticExpiry)
    }

    /// Repeats `code` for each limit. `$` becomes the number of the limit, `@` that of its key.
    fn per_limit(&self, code: impl Fn(Strategy) -> String, between: &str) -> String {
        let numbered = self.0.iter().enumerate().map(|(limit, (strategy, key))| {
            code(*strategy).replace('$', &(limit + 1).to_string()).replace('@', &(key + 1).to_string())
        });
        numbered.collect::<Vec<_>>().join(between)
    }

    /// Repeats `code` for each key. `@` becomes the number of the key, and `{..}` repeats for each of its limits.
    fn per_key(&self, code: &str, between: &str) -> String {
        let keys = self.keys().map(|key| {
            let mut parts = code.split(['{', '}']);
            let mut text = parts.next().unwrap_or_default().to_owned();
            while let (Some(repeated), Some(rest)) = (parts.next(), parts.next()) {
                self.limits_of(key)
                    .for_each(|limit| text += &repeated.replace('$', &(limit + 1).to_string()));
                text += rest;
            }
            text.replace('@', &(key + 1).to_string())
        });
        keys.collect::<Vec<_>>().join(between)
    }
}

pub(super) fn code(shape: &BatchShape) -> String {
    let mut strategies = Strategies::default();
    shape.0.iter().for_each(|(strategy, _)| strategies.add(*strategy));
    let (functions, otherwise) = (strategies.functions(), strategies.fill(DECIDE));
    [BEGIN, &functions, &fast_path(shape), &hits(shape), &counts(), &otherwise].concat()
}

/// Returns the part that answers in the usual case.
///
/// The answer is the heads and records of the keys, followed by `-` if the batch is refused.
fn fast_path(shape: &BatchShape) -> String {
    let limits = |code: &str, between| shape.per_limit(|_| code.to_owned(), between);
    let reply = shape.per_key("value@", " .. ");
    let lines = [
        "do".into(),
        "local keys, fits = KEYS, true".into(),
        format!("local {}", limits("name$, window$, capacity$, capacity_nanos$, cost$, nanos$", ", ")),
        format!("  = read('<{}', hits)", limits("c8ddddd", "")),
        shape.per_key(READ, "\n"),
        "if fits then".into(),
        format!("local {}", limits("passes$", ", ")),
        shape.per_limit(|strategy| section(strategy, "look").into(), "\n"),
        format!("local admitted = {}", limits("passes$", " and ")),
        "if admitted then".into(),
        shape.per_limit(take, "\n"),
        "end".into(),
        shape.per_key(PACK, "\n"),
        "if admitted then".into(),
        shape.per_key(WRITE, "\n"),
        format!("return {reply}"),
        // A refusal moves the end of an elastic window, which the code for any batch does.
        if shape.is_elastic() { "end".into() } else { format!("end\nreturn {reply} .. '-'") },
        "end".into(),
        "end\n".into(),
    ];
    lines.join("\n")
}

fn take(strategy: Strategy) -> String {
    format!("if cost$ > 0 or nanos$ > 0 then\nis_changed@ = true\n{}\nend", section(strategy, "take"))
}

const READ: &str = "\
local stored@ = redis.pcall('GET', keys[@])
local newest@, kept@, is_changed@{, there$, a$, b$, c$} = 0, 0, false{, name$, 0, 0, 0}
if stored@ then
  -- An error is a table, and shorter.
  if #stored@ < 16{ + 32} then
    fits = false
  else
    newest@, kept@{, there$, a$, b$, c$} = read('<dd{c8ddd}', stored@)
  end
end
local at@, was_kept@ = now > newest@ and now or newest@, kept@
fits = fits{ and there$ == name$}";

const PACK: &str = "local value@ = pack('<dd{c8ddd}', at@, kept@{, name$, a$, b$, c$})";

const WRITE: &str = "\
if kept@ > was_kept@ then
  local others = string.sub(stored@ or '', 17{ + 32})
  call('SET', keys[@], value@ .. others, 'PX', math.ceil((kept@ - at@) / 1000) + 1000)
elseif is_changed@ then
  -- To leave the expiry alone is cheaper.
  call('SETRANGE', keys[@], '0', value@)
end";

/// Returns the code that makes the arguments available to the code for any batch.
fn hits(shape: &BatchShape) -> String {
    let each = |code: fn(Strategy) -> String| shape.per_limit(code, ", ");
    format!(
        "local guards, limits, all = 0, {limits}, {limits}\n\
         local function told(number)\n\
         local name, window, capacity, capacity_nanos, cost, nanos = read('<c8ddddd', hits, number * 48 - 47)\n\
         local place, strategy = ({{ {places} }})[number], ({{ {strategies} }})[number]\n\
         return name, window, capacity, capacity_nanos, cost, nanos, place, strategy, number, 0, 0\n\
         end\n",
        limits = shape.0.len(),
        places = each(|_| "@".into()),
        strategies = each(|strategy| Strategies::number(strategy).to_string()),
    )
}
