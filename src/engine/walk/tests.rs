//! Order, loops, conditions, jumps and proofs, in whole runs.

use serde_json::json;

use crate::engine::command::Answer;
use crate::engine::record::Mode;
use crate::engine::testkit::Conversation;

#[test]
fn phases_come_in_order_and_steps_in_the_order_of_the_file() {
    let mut run = Conversation::new(
        "follow_up: [ { id: e, by_hand: Write it down. } ]\nverify: [ { id: d, check: 'true' } ]\n\
         repair: [ { id: c, change: 'true' } ]\ndiagnose: [ { id: a, check: 'true' }, { id: b, check: 'true' } ]\n",
    );
    run.stands("a").ok("a").stands("b").fault("b").stands("enter repair").enter().stands("c").ok("c").stands("d");
    run.ok("d")
        .stands("e")
        .answers("e", Answer::Done)
        .stands("at the end")
        .ends("a passed, b failed, c passed, d passed, e passed");
}

#[test]
fn phases_without_steps_are_passed_by() {
    Conversation::new("diagnose: [ { id: a, check: 'true' } ]\n").ok("a").stands("at the end");
    Conversation::new("verify: [ { id: a, check: 'true' } ]\n").stands("a");
    Conversation::new("repair: [ { id: a, change: 'true' } ]\n").stands("enter repair");
    Conversation::new("follow_up: [ { id: a, by_hand: x } ]\n").stands("a");
}

#[test]
fn groups_are_gone_through_from_inside_to_outside() {
    let mut run = Conversation::new(
        "diagnose:\n  - title: out\n    steps:\n      - title: in\n        steps: [ { id: a, check: 'true' }, { id: b, check: 'true' } ]\n      \
         - { id: c, check: 'true' }\n  - { id: d, check: 'true' }\n",
    );
    run.ok("a").stands("b").ok("b").stands("c").ok("c").stands("d");
}

#[test]
fn a_loop_goes_through_its_list_in_order_with_its_name() {
    let mut run = Conversation::new(
        "diagnose:\n  - { id: a, check: 'echo {{ pod }}', for_each: { pod: [etcd, api] } }\n  - { id: b, check: 'true' }\n",
    );
    assert_eq!(run.stands("a[1]").shown("a[1]"), "echo etcd");
    assert_eq!(run.ok("a[1]").stands("a[2]").shown("a[2]"), "echo api");
    run.fault("a[2]").stands("b").ends("a[1] passed, a[2] failed");
}

#[test]
fn loops_stand_in_loops() {
    let mut run = Conversation::new(
        "diagnose:\n  - id: g\n    for_each: { x: [p, q] }\n    steps:\n      - { id: a, check: 'echo {{ x }}{{ y }}', for_each: { y: ['1', '2'] } }\n      \
         - { id: b, check: 'echo {{ x }}' }\n",
    );
    for (step, shown) in [
        ("a[1.1]", "echo p1"),
        ("a[1.2]", "echo p2"),
        ("b[1]", "echo p"),
        ("a[2.1]", "echo q1"),
        ("a[2.2]", "echo q2"),
        ("b[2]", "echo q"),
    ] {
        assert_eq!(run.stands(step).shown(step), shown);
        run.ok(step);
    }
    run.stands("at the end");
}

#[test]
fn a_list_can_be_an_input_or_be_captured() {
    let text = "inputs: { nodes: { list: true } }\ndiagnose:\n  - { id: a, check: ls, capture: { pods: { lines: true } } }\n  \
                - { id: b, check: 'ls -- {{ n }}', for_each: { n: nodes } }\n  - { id: c, check: 'ls -- {{ p }}', for_each: { p: pods } }\n";
    let mut run = Conversation::with(text, Mode::Live, &[("nodes", json!(["masato"]))]);
    run.gives("a", "pods", json!(["etcd", "api"]));
    assert_eq!(run.stands("b[1]").shown("b[1]"), "ls -- masato");
    run.ok("b[1]").ok("c[1]");
    assert_eq!(run.stands("c[2]").shown("c[2]"), "ls -- api");
}

#[test]
fn an_empty_list_is_not_taken() {
    let text = "inputs: { nodes: { list: true } }\nrepair:\n  - { id: a, change: 'ls -- {{ n }}', for_each: { n: nodes } }\n\
                verify:\n  - { id: b, check: 'ls -- {{ n }}', for_each: { n: nodes } }\n";
    let mut run = Conversation::with(text, Mode::Live, &[("nodes", json!([]))]);
    run.enter().stands("at the end").ends("a not taken, b not taken");
}

#[test]
fn a_condition_is_asked_when_its_step_is_reached() {
    let mut run = Conversation::new(
        "diagnose:\n  - { id: a, check: 'true' }\n  - { id: b, when: failed('a'), check: 'true' }\n  - { id: c, when: passed('a') and not passed('b'), check: 'true' }\n",
    );
    run.ok("a").stands("c").ends("b not taken");
}

#[test]
fn a_condition_is_asked_for_each_turn() {
    let mut run =
        Conversation::new("diagnose:\n  - { id: a, check: 'true', for_each: { x: [p, q, r] }, when: \"x != 'q'\" }\n");
    run.ok("a[1]").stands("a[3]").ends("a[2] not taken").ok("a[3]").stands("at the end");
}

#[test]
fn in_a_turn_the_ends_of_the_same_turn_are_meant() {
    let mut run = Conversation::new(
        "diagnose:\n  - for_each: { x: [p, q] }\n    steps: [ { id: a, check: 'true' }, { id: b, when: failed('a'), check: 'true' } ]\n  \
         - { id: c, when: passed('a'), check: 'true' }\n  - { id: d, when: failed('a'), check: 'true' }\n",
    );
    run.fault("a[1]").stands("b[1]").ok("b[1]").ok("a[2]").stands("d").ends("b[2] not taken, c not taken");
}

#[test]
fn two_loops_beside_each_other_do_not_share_their_turns() {
    let mut run = Conversation::new(
        "diagnose:\n  - { id: a, check: 'true', for_each: { x: [p, q] } }\n  - { id: b, check: 'true', when: failed('a'), for_each: { y: [r] } }\n",
    );
    run.ok("a[1]").fault("a[2]").stands("b[1]");
}

#[test]
fn a_group_is_asked_about_as_a_whole() {
    let mut run = Conversation::new(
        "diagnose:\n  - { id: g, steps: [ { id: a, check: 'true' }, { id: b, check: 'true' } ] }\n  - { id: c, when: passed('g'), check: 'true' }\n  \
         - { id: d, when: failed('g'), check: 'true' }\n",
    );
    run.ok("a").fault("b").stands("d").ends("c not taken");
}

#[test]
fn what_cannot_be_told_neither_passed_nor_failed() {
    let mut run = Conversation::new(
        "diagnose:\n  - { id: a, check: 'true' }\n  - { id: b, when: passed('a') or failed('a'), check: 'true' }\n",
    );
    run.cannot_tell("a").stands("at the end").ends("a unknown, b not taken");
}

#[test]
fn a_name_that_is_not_known_stops_the_run_and_names_the_step_that_sets_it() {
    let text = "diagnose:\n  - { id: a, check: ls, capture: node }\n  - { id: b, when: node == 'riki', check: 'true' }\n  - { id: c, check: 'true' }\n";
    let mut run = Conversation::new(text);
    run.skip("a").stands("name_not_known at b").because("`node` is not known yet; step `a` sets it");
    run.go_on().stands("c").ends("b skipped");
    Conversation::new(text).skip("a").skip("b").stands("c").ends("b skipped");
}

#[test]
fn a_list_that_is_not_known_stops_the_run_too() {
    let text = "diagnose:\n  - { id: a, check: ls, capture: { pods: { lines: true } } }\nverify:\n  - { id: b, check: 'true', for_each: { p: pods } }\n";
    let mut run = Conversation::new(text);
    run.skip("a")
        .stands("name_not_known at b")
        .because("`pods` is not known yet; step `a` sets it")
        .go_on()
        .stands("at the end");
}

#[test]
fn one_text_is_no_list() {
    let text = "inputs: { pods: { list: true } }\ndiagnose:\n  - { id: b, check: 'true', for_each: { p: pods } }\n";
    let mut run = Conversation::with(text, Mode::Live, &[("pods", json!("etcd"))]);
    run.stands("name_not_known at b").because("`for_each` of step `b`: `pods` is one text, expected a list");
}

#[test]
fn a_thousand_steps_that_are_not_taken_cost_no_stack() {
    let steps: String = (0..1000).map(|n| format!("  - {{ id: s{n}, when: passed('a'), check: 'true' }}\n")).collect();
    let mut run = Conversation::new(&format!(
        "diagnose:\n  - {{ id: a, check: 'true' }}\n{steps}  - {{ id: z, check: 'true' }}\n"
    ));
    run.fault("a").stands("z").ends("s0 not taken, s999 not taken");
}

/// Five looks with ids `a` to `e` in one phase; what is given is added to them.
fn looks(phase: &str, more: &[(&str, &str)]) -> String {
    let step = |id: &str| {
        let own = more.iter().find(|(step, _)| *step == id).map_or(String::new(), |(_, fields)| format!(", {fields}"));
        format!("  - {{ id: {id}, check: 'true'{own} }}\n")
    };
    format!("{phase}:\n{}", ["a", "b", "c", "d", "e"].map(step).concat())
}

#[test]
fn a_jump_forward_does_not_take_what_is_between() {
    let mut run = Conversation::new(&looks("diagnose", &[("a", "then: d")]));
    run.ok("a").stands("d").ends("b not taken, c not taken, d open").ok("d").ok("e").stands("at the end");
}

#[test]
fn then_is_followed_by_what_passed_alone() {
    Conversation::new(&looks("diagnose", &[("a", "then: d")])).fault("a").stands("b");
    Conversation::new(&looks("diagnose", &[("a", "then: d")])).cannot_tell("a").stands("b");
    Conversation::new(&looks("diagnose", &[("a", "then: d")])).skip("a").stands("b");
}

#[test]
fn a_failed_look_takes_the_first_branch_that_fits() {
    let text = looks("diagnose", &[("a", "if_not: [ { got: x, then: c }, { got: y, then: d }, e ]")]);
    Conversation::new(&text).fault_with("a", &[true, true, false]).stands("c");
    Conversation::new(&text).fault_with("a", &[false, true, false]).stands("d").ends("b not taken, c not taken");
    Conversation::new(&text).fault_with("a", &[false, false, false]).stands("e");
    Conversation::new(&text).ok("a").stands("b");
    Conversation::new(&text).cannot_tell("a").stands("b");
}

#[test]
fn a_branch_that_only_says_what_it_means_leads_nowhere() {
    let means = "if_not: { means: It is broken. }";
    Conversation::new(&looks("diagnose", &[("a", means)])).fault("a").stands("b");
    let mut run = Conversation::new(
        "repair: [ { id: a, change: 'true', if_not: { means: It is broken. } }, { id: b, change: 'true' } ]\n",
    );
    run.enter().fault("a").stands("step_failed at a");
}

#[test]
fn without_a_branch_the_phase_says_what_follows() {
    Conversation::new(&looks("diagnose", &[])).fault("a").stands("b");
    Conversation::new(&looks("verify", &[])).fault("a").ok("b").ok("c").ok("d").ok("e").stands("not repaired");
    Conversation::new(&looks("repair", &[])).enter().fault("a").stands("step_failed at a");
    Conversation::new(&looks("follow_up", &[])).fault("a").stands("step_failed at a");
}

#[test]
fn a_look_in_repair_that_cannot_be_told_is_looked_at_again() {
    let mut run = Conversation::new(&looks("repair", &[]));
    run.enter().cannot_tell("a").stands("a").ok("a").stands("b");
}

#[test]
fn words_stop_offer_the_way_back_and_close_well() {
    Conversation::new(&looks("diagnose", &[("a", "if_not: stop")]))
        .fault("a")
        .stands("runbook at a")
        .go_on()
        .stands("b");
    Conversation::new(&looks("diagnose", &[("a", "if_not: undo")]))
        .fault("a")
        .stands("offer_undo at a")
        .go_on()
        .stands("b");
    Conversation::new(&looks("diagnose", &[("a", "then: done")]))
        .ok("a")
        .stands("nothing to repair")
        .ends("e not taken");
}

#[test]
fn a_jump_back_opens_everything_from_there_again() {
    let mut run = Conversation::new(&looks("diagnose", &[("c", "if_not: b")]));
    run.ok("a").ok("b").fault("c").stands("b").ends("a passed, b open, c open").ok("b").ok("c").stands("d");
}

#[test]
fn a_fourth_visit_stops() {
    let mut run = Conversation::new(&looks("diagnose", &[("b", "if_not: a")]));
    for _ in 0..3 {
        run.stands("a").ok("a").stands("b").fault("b");
    }
    run.stands("too_many_visits at a").because("step `a` would be reached for the 4th time");
    run.go_on().stands("too_many_visits at b").go_on().stands("c").ends("a skipped, b skipped");
}

#[test]
fn a_step_that_leads_to_itself_is_counted_too() {
    let mut run = Conversation::new(&looks("diagnose", &[("a", "if_not: a")]));
    run.fault("a").fault("a").fault("a").stands("too_many_visits at a");
}

#[test]
fn looking_again_by_hand_is_no_visit() {
    let mut run = Conversation::new(&looks("repair", &[]));
    run.enter();
    for _ in 0..5 {
        run.cannot_tell("a").stands("a");
    }
}

#[test]
fn a_change_that_is_finished_is_not_repeated_by_a_jump_back() {
    let mut run = Conversation::new(
        "repair: [ { id: a, change: 'true' }, { id: b, check: 'true', if_not: a }, { id: c, check: 'true' } ]\n",
    );
    run.enter()
        .ok("a")
        .fault("b")
        .stands("a")
        .ends("a passed, b open")
        .skip("a")
        .stands("b")
        .ends("a passed")
        .ok("b")
        .stands("c");
}

#[test]
fn a_change_that_failed_is_open_again_after_a_jump_back() {
    let text = "repair: [ { id: a, check: 'true' }, { id: b, change: 'true', if_not: a } ]\n";
    Conversation::new(text).enter().ok("a").fault("b").stands("a").ends("a open, b open");
}

#[test]
fn a_jump_in_a_turn_stays_in_it() {
    let text = "diagnose:\n  - for_each: { x: [p, q] }\n    steps: [ { id: a, check: 'true' }, { id: b, check: 'true', if_not: a }, { id: c, check: 'true' } ]\n";
    let mut run = Conversation::new(text);
    run.ok("a[1]")
        .ok("b[1]")
        .ok("c[1]")
        .ok("a[2]")
        .fault("b[2]")
        .stands("a[2]")
        .ends("a[1] passed, b[1] passed, a[2] open");
}

#[test]
fn a_loop_that_is_jumped_out_of_leaves_its_turns() {
    let mut run = Conversation::new(
        "verify:\n  - { id: a, check: 'true', for_each: { x: [p, q, r] }, if_not: b }\n  - { id: b, check: 'true' }\n",
    );
    run.ok("a[1]").fault("a[2]").stands("b").ends("a[3] not taken");
}

#[test]
fn a_loop_leads_on_behind_its_last_turn() {
    let mut run = Conversation::new(
        "diagnose:\n  - { id: a, check: 'true', for_each: { x: [p, q] }, then: c }\n  - { id: b, check: 'true' }\n  - { id: c, check: 'true' }\n",
    );
    run.ok("a[1]").stands("a[2]").ok("a[2]").stands("c").ends("b not taken");
}

#[test]
fn a_group_that_is_passed_over_is_not_taken_with_all_in_it() {
    let text = "diagnose:\n  - { id: a, check: 'true', then: z }\n  - { id: g, steps: [ { id: b, check: 'true' } ] }\n  \
                - { id: l, for_each: { x: [p] }, steps: [ { id: c, check: 'true' } ] }\n  - { id: z, check: 'true' }\n";
    Conversation::new(text).ok("a").stands("z").ends("g not taken, b not taken, l not taken");
}

#[test]
fn a_group_is_left_by_its_end_a_phase_or_a_word() {
    let text = |to: &str| {
        format!(
            "diagnose:\n  - steps: [ {{ id: a, check: 'true', then: {to} }}, {{ id: b, check: 'true' }} ]\n  - {{ id: c, check: 'true' }}\nverify: [ {{ id: d, check: 'true' }} ]\n"
        )
    };
    Conversation::new(&text("next")).ok("a").ok("b").stands("c");
    Conversation::new(&text("verify")).ok("a").stands("d").ends("b not taken, c not taken");
    Conversation::new(&text("stop")).ok("a").stands("runbook at a").go_on().stands("b");
    Conversation::new(&text("done")).ok("a").stands("nothing to repair").ends("b not taken, c not taken, d not taken");
}

#[test]
fn a_group_has_its_own_way_on() {
    let text = "diagnose:\n  - { steps: [ { id: a, check: 'true' }, { id: b, check: 'true' } ], then: d, if_not: e }\n  - { id: c, check: 'true' }\n  \
                - { id: d, check: 'true' }\n  - { id: e, check: 'true' }\n";
    Conversation::new(text).ok("a").ok("b").stands("d");
    Conversation::new(text).fault("a").ok("b").stands("e");
    Conversation::new(text).skip("a").skip("b").stands("c");
}

#[test]
fn groups_that_lead_round_in_circles_stop() {
    let text = "diagnose:\n  - { id: a, check: 'true' }\n  - { id: g, steps: [ { id: b, check: 'true', when: failed('a') } ] }\n  \
                - { id: h, then: g, steps: [ { id: c, check: 'true', when: failed('b') }, { id: d, check: 'true' } ] }\n";
    let mut run = Conversation::new(text);
    run.ok("a").ok("d").ok("d").ok("d").stands("too_many_visits at d");
}

#[test]
fn a_phase_that_is_jumped_over_is_not_taken() {
    let text = "diagnose: [ { id: a, check: 'true', then: follow_up } ]\nrepair: [ { id: b, change: 'true' } ]\nverify: [ { id: c, check: 'true' } ]\n\
                follow_up: [ { id: d, by_hand: x } ]\n";
    Conversation::new(text)
        .ok("a")
        .stands("d")
        .ends("b not taken, c not taken")
        .answers("d", Answer::Done)
        .stands("at the end");
}

#[test]
fn entering_repair_always_asks() {
    let text = "diagnose: [ { id: a, check: 'true', then: repair } ]\nrepair: [ { id: b, change: 'true' } ]\nverify: [ { id: c, check: 'true', if_not: repair } ]\n";
    let mut run = Conversation::new(text);
    run.ok("a")
        .stands("enter repair")
        .enter()
        .ok("b")
        .fault("c")
        .stands("enter repair")
        .ends("b passed, c open")
        .enter()
        .stands("b");
}

#[test]
fn a_failed_or_untold_proof_is_not_repaired() {
    let text = "verify: [ { id: a, check: 'true' }, { id: b, check: 'true' } ]\n";
    Conversation::new(text).ok("a").ok("b").stands("at the end");
    Conversation::new(text).ok("a").skip("b").stands("at the end");
    Conversation::new(text).fault("a").ok("b").stands("not repaired");
    Conversation::new(text).cannot_tell("a").ok("b").stands("not repaired");
}

#[test]
fn a_proof_that_was_stopped_and_gone_behind_is_not_repaired() {
    let text = "verify: [ { id: a, check: 'true', if_not: stop }, { id: b, check: 'true' } ]\n";
    Conversation::new(text).fault("a").go_on().ok("b").stands("not repaired");
}

#[test]
fn every_turn_of_a_proof_must_hold() {
    let text = "verify: [ { for_each: { x: [p, q] }, steps: [ { id: a, check: 'true' }, { id: b, check: 'true', when: passed('a') } ] } ]\n";
    Conversation::new(text).ok("a[1]").ok("b[1]").ok("a[2]").ok("b[2]").stands("at the end");
    Conversation::new(text).ok("a[1]").ok("b[1]").fault("a[2]").stands("not repaired").ends("b[2] not taken");
}

#[test]
fn a_list_that_got_shorter_has_no_turns_left_over() {
    let text = "verify:\n  - { id: a, check: ls, capture: { pods: { lines: true } } }\n  - { id: b, check: 'true', for_each: { p: pods }, if_not: a }\n";
    let mut run = Conversation::new(text);
    run.gives("a", "pods", json!(["x", "y"])).ok("b[1]").fault("b[2]").stands("a");
    run.gives("a", "pods", json!(["x"])).stands("b[1]").ok("b[1]").stands("at the end").ends("b[2] not taken");
}

#[test]
fn repair_again_opens_the_changes_that_failed_and_every_proof() {
    let text = "repair: [ { id: a, change: 'true' }, { id: b, change: 'true', if_not: next } ]\nverify: [ { id: c, check: 'true' }, { id: d, check: 'true' } ]\n";
    let mut run = Conversation::new(text);
    run.enter().ok("a").fault("b").ok("c").fault("d").stands("not repaired").repair_again();
    run.stands("enter repair").ends("a passed, b open, c open, d open").enter().stands("a");
}

#[test]
fn done_in_diagnose_is_not_believed_after_a_change() {
    let text = "diagnose: [ { id: a, check: 'true', then: done } ]\nrepair: [ { id: b, change: 'true' } ]\nverify: [ { id: c, check: 'true', if_not: diagnose } ]\n";
    let mut run = Conversation::new(text);
    run.fault("a").enter().ok("b").fault("c").stands("a").ok("a").stands("not repaired");
}
