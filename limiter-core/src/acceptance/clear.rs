//! Counts start from zero after they are cleared or reset.

use super::fixture::{Fixture, client, policy};
use crate::{Scope, storage::Hit};

pub(super) async fn clears(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (one, two) = (policy(1, strategy), policy(2, strategy));
        let (scope, other, key, friend) = (fixture.scope(), fixture.scope(), client(1), client(2));
        let hits = [
            Hit::new(&scope, &key, &one),
            Hit::new(&scope, &key, &two),
            Hit::new(&other, &key, &one),
            Hit::new(&scope, &friend, &one),
        ];
        for hit in hits {
            assert!(fixture.hit(hit).await.is_allowed(), "{strategy}");
        }
        clear(fixture, &hits[..1]).await;
        assert_eq!(fixture.left(&hits).await, [1, 1, 0, 0], "{strategy}: only the given count");
        clear(fixture, &hits[1..3]).await;
        assert_eq!(fixture.left(&hits).await, [1, 2, 1, 0], "{strategy}: several at once");
        clear(fixture, &hits[..3]).await;
        clear(fixture, &[]).await;
        assert!(fixture.hit(hits[0]).await.is_allowed(), "{strategy}: it starts from zero");
    }
}

/// A storage that finds the counts of a client clears them in all scopes inside the given one, and no others. Any other
/// storage clears nothing.
pub(super) async fn clears_a_client(fixture: &Fixture<'_>) {
    let (client, friend, around) = (client(1), client(2), fixture.scope());
    let inside = |parts: &[&str]| Scope::new(around.parts().chain(parts.iter().copied()));
    let (near, far) = (inside(&["a"]), inside(&["b.c", "d,:"]));
    let (first, last) = (around.parts().next().unwrap_or(""), around.parts().last().unwrap_or(""));
    let beside = Scope::new([first, &format!("{last}0"), "a"]);
    let both = client.clone().and(friend.clone());
    for strategy in fixture.strategies() {
        let policy = policy(2, strategy);
        let hits = [
            Hit::new(&near, &client, &policy),
            Hit::new(&far, &client, &policy),
            Hit::new(&around, &client, &policy),
            Hit::new(&beside, &client, &policy),
            Hit::new(&near, &friend, &policy),
            Hit::new(&near, &both, &policy),
        ];
        for hit in hits {
            assert!(fixture.hit(hit).await.is_allowed(), "{strategy}");
        }
        let scopes = async || fixture.storage.client_scopes(&client, &around).await.expect("it answers");
        let before = scopes().await;
        if let Some(found) = &before {
            assert_eq!(*found, ["a", "b.c d,:"], "{strategy}");
        }
        let answer = fixture.storage.clear_client(&client, &around).await;
        let can = answer.expect("the storage clears a client, or returns that it does not find its counts");
        let expected = if can { [2, 2, 1, 1, 1, 1] } else { [1; 6] };
        assert_eq!(before.is_some(), can, "what can be found can be cleared");
        if can {
            assert_eq!(scopes().await, Some(Vec::new()), "{strategy}");
        }
        assert_eq!(fixture.left(&hits).await, expected, "{strategy}: {can}");
        clear(fixture, &hits).await;
    }
    let nobody = super::fixture::client(3);
    fixture.storage.clear_client(&nobody, &around).await.expect("a client without counts is no error");
}

async fn clear(fixture: &Fixture<'_>, hits: &[Hit<'_>]) {
    fixture.storage.clear(hits).await.expect("the storage clears");
}

pub(super) async fn resets(fixture: &Fixture<'_>) {
    let (scope, key) = (fixture.scope(), client(1));
    let policies: Vec<_> = fixture.strategies().map(|strategy| policy(3, strategy)).collect();
    let others: Vec<_> = (100..1600).map(client).collect();
    let of_key = policies.iter().map(|policy| Hit::new(&scope, &key, policy));
    let of_others = others.iter().map(|other| Hit::new(&scope, other, &policies[0]));
    let hits: Vec<_> = of_key.chain(of_others).collect();
    for hit in &hits {
        assert!(fixture.hit(*hit).await.is_allowed());
    }
    for _ in 0..2 {
        fixture.storage.reset().await.expect("the storage resets");
        assert!(fixture.left(&hits).await.iter().all(|left| *left == 3), "a count is left after a reset");
    }
}
