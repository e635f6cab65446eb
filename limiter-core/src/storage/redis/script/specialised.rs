//! Scripts without loops, tables and few functions, specialised for the usual batches.
//!
//! They take the server about half the time of the others. Such a script reads all arguments at once, and all records
//! of a key. This fast path requires that the key does not exist, or that the records are its first, in the order of
//! the hits. Otherwise, and if a refusal moves the end of an elastic window, the script continues as one for any batch.

use super::{
    shape::{BatchShape, HitRole, HitShape},
    source::{BEGIN, DECIDE, Strategies, counts, section},
};
use crate::Strategy;

pub(super) fn code(shape: &BatchShape) -> String {
    let mut strategies = Strategies::default();
    shape.hits().for_each(|(_, hit)| strategies.add(hit.strategy));
    let otherwise = strategies.fill(DECIDE);
    [BEGIN, &strategies.functions(), &shape.fast_path(), &shape.arguments(), &counts(strategies), &otherwise]
        .concat()
}

/// Puts the number of a hit for `$` and that of a key for `@`.
fn numbered(code: &str, place: usize, key: u8) -> String {
    code.replace('$', &(place + 1).to_string()).replace('@', &(key + 1).to_string())
}

impl HitShape {
    /// Returns the names of its arguments.
    fn arguments(self) -> &'static [&'static str] {
        match self.strategy {
            Strategy::TokenBucket => &["name$", "capacity$", "capacity_nanos$", "cost$", "nanos$"],
            _ if self.is_calendar => &["name$", "first_end$", "second_end$", "capacity$", "cost$"],
            _ => &["name$", "window$", "capacity$", "cost$"],
        }
    }

    /// Returns the code that takes the cost if there is one.
    fn take(self) -> String {
        let has_cost = match self.strategy {
            Strategy::TokenBucket => "cost$ > 0 or nanos$ > 0",
            _ => "cost$ > 0",
        };
        format!("if {has_cost} then\nis_changed@ = true\n{}\nend", section(self.strategy, "take"))
    }
}

impl BatchShape {
    /// Repeats `code` for each of these hits.
    fn each(
        hits: impl Iterator<Item = (usize, HitShape)>,
        code: impl Fn(HitShape) -> String,
        between: &str,
    ) -> String {
        let numbered = hits.map(|(place, hit)| numbered(&code(hit), place, hit.key));
        numbered.collect::<Vec<_>>().join(between)
    }

    /// Repeats `of_counts` for each key, in which `{..}` repeats for each of its counts, and `of_log` for each key of
    /// a moving window.
    fn per_key(
        &self,
        keys: impl Iterator<Item = u8>,
        of_counts: &str,
        of_log: &str,
        between: &str,
    ) -> String {
        let keys = keys.map(|key| {
            let mut parts = if self.is_log(key) { of_log } else { of_counts }.split(['{', '}']);
            let mut text = parts.next().unwrap_or_default().to_owned();
            while let (Some(repeated), Some(rest)) = (parts.next(), parts.next()) {
                text += &Self::each(self.counts_of(key), |_| repeated.into(), "");
                text += rest;
            }
            // A moving window is alone in its key.
            numbered(&text, self.counts_of(key).next().map_or(0, |(place, _)| place), key)
        });
        keys.collect::<Vec<_>>().join(between)
    }

    /// Returns the part that answers in the usual case.
    ///
    /// The answer is the heads and records of the keys, or of a moving window its report. If the batch is admitted, a
    /// digit follows for each shadow, 1 if it was taken; else a `-`, or a `=` if a guard refused.
    fn fast_path(&self) -> String {
        let has_guards = self.guards().next().is_some();
        let arguments = |between| Self::each(self.hits(), |hit| hit.arguments().join(", "), between);
        let format = |hit: HitShape| "d".repeat(hit.arguments().len());
        let shadows = Self::each(
            self.of_role(|role| role == HitRole::Shadow),
            |_| " .. (passes$ and '1' or '0')".into(),
            "",
        );
        let of_log = |name| section(Strategy::MovingWindow, name);
        let (read_log, pack_log) =
            ([LOG, of_log("read")].concat(), PACK_LOG.replace("--[[wait]]", of_log("wait")));
        let lines = [
            "do".into(),
            format!("local {} = read('<{}', hits)", arguments(", "), Self::each(self.hits(), format, "")),
            "local fits = true".into(),
            self.per_key(self.keys(), READ, &read_log, "\n"),
            Self::each(self.counts().filter(|(_, hit)| hit.is_calendar), |_| UNTIL_END.into(), "\n"),
            "if fits then".into(),
            format!("local {}", Self::each(self.counts(), |_| "passes$".into(), ", ")),
            Self::each(self.guards().chain(self.limits()), |hit| section(hit.strategy, "look").into(), "\n"),
            format!("local unguarded = {}", Self::all_pass(self.guards())),
            format!("local admitted = unguarded and {}", Self::all_pass(self.refusing())),
            format!("if admitted then\n{}\nend", Self::each(self.limits(), take_limit, "\n")),
            format!("if {} then", if self.is_elastic() { "admitted or not unguarded" } else { "true" }),
            format!("local {}", self.per_key(self.keys(), "value@", "value@", ", ")),
            self.per_key(self.keys(), PACK, &pack_log, "\n"),
            format!("local reply = {}", self.per_key(self.keys(), "value@", "value@", " .. ")),
            format!("if admitted then\n{}", self.write(self.keys())),
            format!("return reply{shadows}\nend"),
            if has_guards { "if not unguarded then\nreturn reply .. '='\nend".into() } else { String::new() },
            if self.is_elastic() { String::new() } else { self.on_refusal() + "\nreturn reply .. '-'" },
            "end\nend\nend\n".into(),
        ];
        lines.join("\n")
    }

    /// Returns the limits that must pass on the fast path: the elastic shadows among them, since their refusal moves
    /// an end.
    fn refusing(&self) -> impl Iterator<Item = (usize, HitShape)> {
        self.limits().filter(|(_, hit)| {
            hit.role == HitRole::Limit || hit.strategy == Strategy::FixedWindowElasticExpiry
        })
    }

    fn all_pass(hits: impl Iterator<Item = (usize, HitShape)>) -> String {
        let all = Self::each(hits, |_| "passes$".into(), " and ");
        if all.is_empty() { "true".into() } else { all }
    }

    /// Returns the code that takes the hits on refusal and writes their keys.
    fn on_refusal(&self) -> String {
        let limits: Vec<_> = self.limits().collect();
        let mut code = String::new();
        let mut keys: Vec<u8> = Vec::new();
        for (place, hit) in self.hits() {
            let HitRole::OnRefusal { only_after } = hit.role else { continue };
            let condition = match only_after.map(|limit| limits.get(usize::from(limit))) {
                None => "do".to_owned(),
                Some(Some((limit, after))) if after.role == HitRole::Limit => {
                    numbered("if not passes$ then", *limit, 0)
                }
                // It depends on a limit that never refuses.
                Some(_) => continue,
            };
            // Another hit of the count may have another amount.
            let own = match hit.strategy {
                Strategy::TokenBucket => "capacity$, capacity_nanos$, cost$, nanos$",
                _ => "capacity$, cost$",
            };
            let count = usize::from(hit.count);
            let (to, from) = (numbered(own, count, 0), numbered(own, place, 0));
            let steps = format!("{}\nif passes$ then\n{}\nend", section(hit.strategy, "look"), hit.take());
            let steps = numbered(&format!("local passes$\n{steps}"), count, hit.key);
            code.extend([&*condition, "\nlocal ", &to, " = ", &from, "\n", &steps, "\nend\n"]);
            if !keys.contains(&hit.key) {
                keys.push(hit.key);
            }
        }
        code += &self.per_key(keys.iter().copied(), PACK, "", "\n");
        code + "\n" + &self.write(keys.into_iter())
    }

    fn write(&self, keys: impl Iterator<Item = u8>) -> String {
        let log = format!("if is_changed@ then\n{}\nend", section(Strategy::MovingWindow, "write"));
        self.per_key(keys, WRITE, &log, "\n")
    }

    /// Returns the code that makes the arguments available to the code for any batch.
    fn arguments(&self) -> String {
        let (guards, limits) = (self.guards().count(), self.limits().count());
        let mut from = 1;
        let shapes = self.hits().map(|(_, hit)| {
            let (shadow, only_after) = match hit.role {
                HitRole::OnRefusal { only_after } => (0, only_after.map_or(0, |limit| u16::from(limit) + 1)),
                role => (u8::from(role == HitRole::Shadow), 0),
            };
            let strategy = if hit.is_calendar { CALENDAR } else { Strategies::number(hit.strategy) };
            let (key, count) = (hit.key + 1, hit.count);
            let shape = format!("{{{from}, {key}, {strategy}, {count}, {shadow}, {only_after}}}");
            from += 8 * hit.arguments().len();
            shape
        });
        let shapes = shapes.collect::<Vec<_>>().join(", ");
        let all = self.hits().count();
        let bucket = Strategies::number(Strategy::TokenBucket);
        let of_calendar = if self.has_calendar() { ARGUMENTS_OF_CALENDAR } else { "" };
        let arguments = ARGUMENTS.replace("--[[calendar]]\n", of_calendar);
        format!("local guards, limits, all, BUCKET = {guards}, {limits}, {all}, {bucket}\n")
            + &format!("local shapes = {{{shapes}}}\n{arguments}")
    }
}

fn take_limit(hit: HitShape) -> String {
    let take = hit.take();
    if hit.role == HitRole::Shadow { format!("if passes$ then\n{take}\nend") } else { take }
}

const READ: &str = "\
local key@ = KEYS[@]
local stored@ = redis.pcall('GET', key@)
local newest@, kept@, is_changed@{, there$, a$, b$, c$} = 0, 0, false{, name$, 0, 0, 0}
if stored@ then
  -- An error is a table, and shorter.
  if #stored@ < 16{ + 32} then
    fits = false
  else
    newest@, kept@{, there$, a$, b$, c$} = read('<dd{dddd}', stored@)
  end
end
local at@, was_kept@ = now > newest@ and now or newest@, kept@
fits = fits{ and there$ == name$}";

const LOG: &str = "local key@, is_changed@ = KEYS[@], false\n";

/// The time until the end of a calendar window, in place of the length of a window.
const UNTIL_END: &str = "\
local window$ = second_end$ - first_end$
if at@ < first_end$ then
  window$ = first_end$ - at@
elseif at@ < second_end$ then
  window$ = second_end$ - at@
end";

const PACK: &str = "value@ = pack('<dd{dddd}', at@, kept@{, name$, a$, b$, c$})";

const PACK_LOG: &str = "\
local last$ = 0
if passes$ == false then
  --[[wait]]
end
value@ = pack('<dddd', at@, used$, oldest$, last$)";

const WRITE: &str = "\
if kept@ > was_kept@ then
  local others = string.sub(stored@ or '', 17{ + 32})
  call('SET', key@, value@ .. others, 'PX', math.ceil((kept@ - at@) / 1000) + 1000)
elseif is_changed@ then
  -- To leave the expiry alone is cheaper.
  call('SETRANGE', key@, '0', value@)
end";

const ARGUMENTS: &str = "\
local function arguments_of(number)
  local from, place, strategy, same, shadow, only_after = unpack(shapes[number])
  if strategy == BUCKET then
    local name, capacity, capacity_nanos, cost, nanos = read('<c8dddd', hits, from)
    return name, 0, capacity, capacity_nanos, cost, nanos, place, strategy, same, shadow, only_after
  end
  --[[calendar]]
  local name, window, capacity, cost = read('<c8ddd', hits, from)
  return name, window, capacity, 0, cost, 0, place, strategy, same, shadow, only_after
end
";

/// Marks calendar windows in the list of shapes only. For the rest of the script they are fixed windows.
const CALENDAR: u8 = 6;

const ARGUMENTS_OF_CALENDAR: &str = "\
if strategy == 6 then
    local name, first_end, second_end, capacity, cost = read('<c8dddd', hits, from)
    return name, first_end, capacity, second_end, cost, 0, place, 1, same, shadow, only_after
  end
";
