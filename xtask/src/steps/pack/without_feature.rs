//! `from_file` exists without its feature, and `build` names that.

use limiter_actix::Limiter;

fn main() {
    #[expect(deprecated)]
    let error = Limiter::builder().from_file("limits.toml").build().unwrap_err();
    assert!(error.to_string().contains("feature `config-file`"), "{error}");
}
