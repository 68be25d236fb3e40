//! Every place and every program, as tables: what is written, what comes out or what is said.

use super::*;

fn values() -> Values {
    let mut values = Values::default();
    values.insert_text("x", "it's $(touch pwned)");
    values.insert_text("y", "plain");
    values.insert_text("dash", "-rf");
    values.insert_text("path", "/opt/rotate.sh");
    values.insert_text("empty", "");
    values.insert_list("hosts", vec!["masato".into(), "a b".into()]);
    values.insert_list("nobody", Vec::new());
    values.insert_flag("force", true);
    values
}

fn render(template: &str) -> Result<String, Problem> {
    render_command(template, &values(), Shell::Bash)
}

fn refused(template: &str) -> (ProblemKind, String, String) {
    let problem = render(template).expect_err(template);
    assert!(!problem.help.is_empty(), "{template}");
    (problem.kind, template[problem.range].to_owned(), problem.help)
}

/// Known names, of which only `y` and `path` may lead.
fn rule(name: &str) -> NameRule {
    NameRule { known: values().contains(name), may_lead: matches!(name, "y" | "path") }
}

fn checked(template: &str) -> Vec<ProblemKind> {
    check_command(template, &rule).into_iter().map(|problem| problem.kind).collect()
}

#[test]
fn each_allowed_place_quotes_in_its_own_way() {
    const X: &str = r"'it'\''s $(touch pwned)'";
    for (template, command) in [
        ("printf '%s' {{ x }}", format!("printf '%s' {X}")),
        ("printf '%s' {{ y }};", "printf '%s' plain;".into()),
        ("f --host={{ y }}:6443", "f --host=plain:6443".into()),
        ("f --host={{ x }}:6443", format!("f --host={X}:6443")),
        ("f \"a {{ x }}\"", r#"f "a it's \$(touch pwned)""#.into()),
        ("f 'a {{ x }}'", r"f 'a it'\''s $(touch pwned)'".into()),
        ("f \"$(g {{ x }})\"", format!("f \"$(g {X})\"")),
        ("f <(g {{ x }})", format!("f <(g {X})")),
        ("f '{{ empty }}' {{ empty }}", "f '' ''".into()),
        ("V={{ x }} W=\"{{ y }}\" f", format!("V={X} W=\"plain\" f")),
        ("f > {{ x }} 2>{{ y }}", format!("f > {X} 2>plain")),
        ("f <<< {{ x }}", format!("f <<< {X}")),
        ("a=( {{ x }} \"{{ y }}\" )", format!("a=( {X} \"plain\" )")),
        ("for h in {{ x }} {{ y }}; do f; done", format!("for h in {X} plain; do f; done")),
        ("case {{ x }} in {{ y }}) f;; esac", format!("case {X} in 'plain') f;; esac").replace("'plain'", "plain")),
        ("[[ {{ x }} == {{ y }} ]]", format!("[[ {X} == 'plain' ]]")),
        ("[[ {{ x }} =~ ^(a|{{ y }})$ ]]", format!("[[ {X} =~ ^(a|'plain')$ ]]")),
        ("f() { g {{ x }}; }", format!("f() {{ g {X}; }}")),
        ("{{ path }} {{ y }}", "/opt/rotate.sh plain".into()),
        ("{{ y }} a", "'plain' a".into()),
        ("f {{ hosts }}", "f masato 'a b'".into()),
        ("f {{ nobody }} a", "f  a".into()),
        ("f {{ hosts | join(',') }}", "f 'masato,a b'".into()),
        ("f {{ force }} {{ hosts | length }}", "f true 2".into()),
        ("f {% for h in hosts %}-h {{ 'x' ~ h }} {% endfor %}", "f -h xmasato -h 'xa b' ".into()),
        ("f {% if force %}--force {% endif %}{{ y }}", "f --force plain".into()),
        (
            "docker ps --format '{% raw %}{{.Names}}{% endraw %}' \"{{ y }}\"",
            "docker ps --format '{{.Names}}' \"plain\"".into(),
        ),
        ("echo ${#a} {{ y }}", "echo ${#a} plain".into()),
    ] {
        assert_eq!(render(template).as_deref(), Ok(command.as_str()), "{template}");
    }
}

#[test]
fn plain_values_stay_in_quotes_where_their_neighbours_could_take_them() {
    for (template, command) in [
        ("f {{ y }}>out", "f 'plain'>out"),
        ("f {1..{{ y }}}", "f {1..'plain'}"),
        ("f ~{{ y }}", "f ~'plain'"),
        ("f [{{ y }}]*", "f ['plain']*"),
        ("{{ y }}=5", "'plain'=5"),
        ("f \"$z\"{{ y }}", "f \"$z\"'plain'"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(command), "{template}");
    }
}

#[test]
fn every_other_place_is_refused_with_a_remedy() {
    for (template, remedy) in [
        ("f # {{ x }}", "quote the `#`"),
        ("cat <<EOF\na {{ x }}\nEOF", "stdin:"),
        ("cat <<'EOF'\na {{ x }}\nEOF", "stdin:"),
        ("cat <<-EOF\n\ta $(f {{ x }})\n\tEOF", "stdin:"),
        ("cat <<{{ x }}\na\nEOF", "fixed word"),
        ("f $(( {{ x }} + 1 ))", "capture the result"),
        ("(( {{ x }} > 1 ))", "capture the result"),
        ("f $[ {{ x }} ]", "capture the result"),
        ("f $(( $(g {{ x }}) ))", "capture the result"),
        ("for (( i=0; i<{{ x }}; i++ )); do f; done", "capture the result"),
        ("f \"${a:-{{ x }}}\"", "set a variable first"),
        ("f ${a:-\"{{ x }}\"}", "set a variable first"),
        ("f `g {{ x }}`", "$( … )"),
        ("f \"`g {{ x }}`\"", "$( … )"),
        ("f $'a{{ x }}'", "ordinary quotes"),
        ("f $\"a{{ x }}\"", "take the `$` away"),
        ("f \\{{ x }}", "take the backslash out"),
        ("f \"a\\{{ x }}\"", "take the backslash out"),
        ("f ${{ x }}", "take the `$` out"),
        ("f \"${{ x }}\"", "take the `$` out"),
        ("f \"$\\\n{{ x }}\"", "take the `$` out"),
        ("f $a{{ x }}", "${a}"),
        ("f \"$a{{ x }}\"", "${a}"),
        ("a[{{ x }}]=1", "set a variable first"),
        ("a=( [{{ x }}]=1 )", "set a variable first"),
        ("{{ x }}() { f; }", "fixed name"),
        ("function {{ x }} { f; }", "fixed name"),
        ("for {{ x }} in a; do f; done", "fixed name"),
        ("f >&{{ x }}", "descriptor"),
        ("f 2<& {{ x }}", "descriptor"),
    ] {
        let (kind, place, help) = refused(template);
        assert_eq!((kind, place.as_str()), (ProblemKind::Place, "x"), "{template}");
        assert!(help.contains(remedy), "{template}: {help}");
        assert!(checked(template).contains(&ProblemKind::Place), "{template}");
    }
}

#[test]
fn every_word_that_is_evaluated_again_is_refused_with_a_remedy() {
    for template in [
        "sh -c \"f {{ x }}\"",
        "bash -c 'f {{ x }}'",
        "bash -euo pipefail -c {{ x }}",
        "/bin/dash -ec \"f {{ x }}\"",
        "zsh -c \"{{ x }}\"",
        "sudo sh -c \"f {{ x }}\"",
        "sudo -u root -- bash -c \"f {{ x }}\"",
        "timeout -k 5 10 sh -c \"f {{ x }}\"",
        "nohup env A=1 nice -n 5 bash -c \"f {{ x }}\" &",
        "eval \"f {{ x }}\"",
        "eval \"$(f -- {{ x }})\"",
        "ssh kyousuke \"f {{ x }}\"",
        "ssh -p 22 root@kyousuke f {{ x }}",
        "ssh -o \"ProxyCommand={{ x }}\" kyousuke f",
        "su - root -c \"f {{ x }}\"",
        "su -c {{ x }}",
        "xargs -I% f {{ x }} < a",
        "printf '%s' {{ x }} | xargs f",
        "awk '{ print \"{{ x }}\" }' a",
        "sed \"s/a/{{ x }}/\" a",
        "sed -i -e \"s/a/{{ x }}/\" a",
        "perl -pe \"s/a/{{ x }}/\" a",
        "perl -e '{{ x }}'",
        "python3 -c \"print('{{ x }}')\"",
        "psql -Atc \"select '{{ x }}'\"",
        "psql --command=\"select '{{ x }}'\"",
        "mysql -e \"select '{{ x }}'\"",
        "sqlite3 a.db \"select '{{ x }}'\"",
        "jq \".a.{{ x }}\" a.json",
        "yq '.a = \"{{ x }}\"' a.yaml",
        "find . -name a -exec sh -c \"f {{ x }}\" ';'",
        "watch \"f {{ x }}\"",
        "trap \"f {{ x }}\" EXIT",
        "source <(printf '%s' {{ x }})",
        "bash <(printf '%s' {{ x }})",
        "env -S \"f {{ x }}\"",
        "parallel f ::: {{ x }}",
        "printf \"{{ x }}\"",
        "printf -v {{ x }} a",
        "[[ -v {{ x }} ]]",
        "[ -v {{ x }} ]",
        "test -v {{ x }}",
        "[[ {{ x }} -gt 1 ]]",
        "[[ 1 -eq {{ x }} ]]",
        "[ {{ x }} = a -o b = c ]",
        "declare {{ x }}=1",
        "declare -i a={{ x }}",
        "export {{ x }}",
        "readonly -a a={{ x }}",
        "unset {{ x }}",
        "read {{ x }}",
        "let {{ x }}",
        "alias a={{ x }}",
        "PS4={{ x }} bash -x a",
        "export BASH_ENV={{ x }}",
        "kubectl exec pod -- sh -c \"f {{ x }}\"",
        "kubectl exec pod -- psql -c \"f {{ x }}\"",
        "docker exec db mysql -e \"f {{ x }}\"",
        "docker exec db awk \"{{ x }}\"",
        "printf '%s' {{ x }} | sh",
        "printf '%s' {{ x }} | sudo bash -s",
        "printf '%s' {{ x }} | ssh kyousuke",
        "printf '%s' {{ x }} | ssh kyousuke bash -s",
        "for h in {{ x }}; do f; done | sh",
        "f {{ x }} | { read -r a; bash; }",
        "bash <<< \"f {{ x }}\"",
        "psql <<< {{ x }}",
        "\"$SHELL\" -c \"f {{ x }}\"",
        "scp a kyousuke:{{ x }}",
        "make A={{ x }}",
        "tmux new-session -d \"f {{ x }}\"",
        "tar -cf a --to-command={{ x }} b",
        "( cd a; eval {{ x }} )",
        "if f; then eval {{ x }}; fi",
        "case a in b) eval {{ x }};; esac",
        "echo \"$(eval {{ x }})\"",
    ] {
        let (kind, place, help) = refused(template);
        assert_eq!((kind, place.as_str()), (ProblemKind::EvaluatedAgain, "x"), "{template}");
        let remedies = ["stdin:", "[ … ] && [ … ]"];
        assert!(remedies.iter().any(|remedy| help.contains(remedy)), "{template}: {help}");
        assert!(checked(template).contains(&ProblemKind::EvaluatedAgain), "{template}");
    }
}

#[test]
fn what_only_looks_like_evaluation_is_let_through() {
    for template in [
        "bash -c 'f \"$1\"' sh {{ x }}",
        "sh /opt/a.sh {{ y }}",
        "bash {{ path }} a",
        "ssh root@{{ y }} uptime",
        "ssh -l {{ y }} kyousuke uptime",
        "jq --arg v {{ y }} '.a = $v' a.json",
        "sed -n 1p -- {{ x }}",
        "grep -c -- {{ x }} a",
        "git switch -c {{ y }}",
        "printf '%s\\n' {{ x }} | ssh kyousuke 'cat > a'",
        "printf '%s\\0' {{ x }} | xargs -0 f",
        "apt-get install bash {{ y }}",
        "psql -v name={{ x }} -f a.sql",
        "kubectl delete pod -- {{ x }}",
        "kubectl exec pod -- cat -- {{ x }}",
        "[ {{ x }} = a ] && [ -n {{ x }} ] && [ ! -f {{ y }} ]",
        "export A={{ x }} && readonly B=\"{{ x }}\"",
        "source {{ path }}",
        "rsync -a -- {{ x }} kyousuke:/srv/",
        "echo \"eval {{ x }}\"",
        "echo eval; f -- {{ x }}",
    ] {
        assert!(render(template).is_ok(), "{template}: {:?}", render(template));
        assert_eq!(checked(template), [], "{template}");
    }
}

#[test]
fn a_value_is_no_negation() {
    let mut values = values();
    values.insert_text("x", "!");
    let command = render_command("[ {{ x }} = \"{{ x }}\" ]", &values, Shell::Bash);
    assert_eq!(command.as_deref(), Ok("[ '!' = \"!\" ]"));
}

#[test]
fn a_value_that_holds_a_variable_is_followed_into_evaluation() {
    for (template, place) in [
        ("v={{ x }}; sh -c \"f $v\"", "$v"),
        ("for h in {{ hosts }}; do ssh kyousuke \"f $h\"; done", "$h"),
        ("sh -c \"f $LOCUM_INPUT_X\"", "$LOCUM_INPUT_X"),
    ] {
        let (kind, found, help) = refused(template);
        assert_eq!((kind, found.as_str()), (ProblemKind::EvaluatedAgain, place), "{template}");
        assert!(help.contains("single quotes"));
    }
    assert!(render("v={{ x }}; export v; sh -c 'f \"$v\"'; sh -c \"f $w\"").is_ok());
}

#[test]
fn a_leading_dash_is_refused_unless_options_are_over() {
    for template in [
        "rm {{ dash }}",
        "rm \"{{ dash }}\"",
        "rm ''{{ dash }}",
        "rm {{ empty }}{{ dash }}",
        "rm '{{ dash }}'a",
        "echo {{ dash }}",
        "sudo {{ dash }}",
        "kubectl exec pod -- cat {{ dash }}",
        "find -- {{ dash }}",
        "f | rm {{ dash }}",
        "rm -- a; rm {{ dash }}",
    ] {
        let (kind, place, help) = refused(template);
        assert_eq!((kind, place.as_str()), (ProblemKind::LeadingDash, "dash"), "{template}");
        assert!(help.contains("pattern"), "{help}");
        assert_eq!(checked(template).first(), Some(&ProblemKind::LeadingDash), "{template}");
    }
    for template in [
        "rm -- {{ dash }}",
        "rm ./{{ dash }}",
        "f --name={{ dash }}",
        "f -n{{ dash }}",
        "printf '%s' {{ dash }}",
        "sudo rm -- {{ dash }}",
        "bash -c 'f \"$1\"' sh {{ dash }}",
        "[[ {{ dash }} == a ]]",
        "[ {{ dash }} = a ]",
        "for h in {{ dash }}; do f; done",
        "a=( {{ dash }} )",
        "f > {{ dash }}",
        "f <<< {{ dash }}",
        "A={{ dash }} f",
    ] {
        assert!(render(template).is_ok(), "{template}: {:?}", render(template));
        assert_eq!(checked(template), [], "{template}");
    }
}

#[test]
fn before_a_run_the_rule_decides_and_in_a_run_the_value() {
    assert_eq!(checked("rm {{ x }}"), [ProblemKind::LeadingDash]);
    assert!(render("rm {{ x }}").is_ok());
    for template in [
        "rm {{ y }}",
        "rm {{ y | lower }}",
        "rm {{ y ~ x }}",
        "rm {{ 'a' ~ x }}",
        "rm {{ y | default('b') }}",
        "rm {{ 5 }}",
        "rm {% for h in y %}{{ h }} {{ loop.index }} {% endfor %}",
    ] {
        assert_eq!(checked(template), [], "{template}");
    }
    for template in [
        "rm {{ x ~ y }}",
        "rm {{ y | replace('p', '-') }}",
        "rm {{ y | default('-b') }}",
        "rm {{ '-a' }}",
        "rm {{ y if force else x }}",
        "rm {% for h in hosts %}{{ h }} {% endfor %}",
    ] {
        assert_eq!(checked(template).first(), Some(&ProblemKind::LeadingDash), "{template}");
    }
}

#[test]
fn a_list_stands_only_where_several_words_may() {
    for template in [
        "f \"{{ hosts }}\"",
        "f '{{ hosts }}'",
        "f --a={{ hosts }}",
        "f > {{ hosts }}",
        "A={{ hosts }} f",
        "{{ hosts }} a",
        "[[ {{ hosts }} == a ]]",
        "f <<< {{ hosts }}",
    ] {
        let (kind, place, help) = refused(template);
        assert_eq!((kind, place.as_str()), (ProblemKind::Value, "hosts"), "{template}");
        assert!(help.contains("join"));
    }
}

#[test]
fn the_branch_that_is_not_taken_today_is_checked_too() {
    assert!(render("{% if force %}f{% else %}eval {{ x }}{% endif %}").is_ok());
    assert_eq!(checked("{% if force %}f{% else %}eval {{ x }}{% endif %}"), [ProblemKind::EvaluatedAgain]);
    assert_eq!(checked("f {% if force %}\"{% endif %} {{ x }}"), [ProblemKind::Syntax, ProblemKind::LeadingDash]);
    assert_eq!(checked("{% for h in hosts %}'{% endfor %} {{ y }}"), [ProblemKind::Syntax]);
}

#[test]
fn the_text_that_is_rendered_is_the_text_that_is_looked_at() {
    let problem = render("f {% if force %}\"{% endif %} {{ x }}").unwrap_err();
    assert_eq!((problem.kind, problem.range), (ProblemKind::Syntax, 16..17));
    assert_eq!(refused("{% if force %}eval{% else %}f{% endif %} {{ x }}").0, ProblemKind::EvaluatedAgain);
}

#[test]
fn a_value_that_names_the_program_is_looked_up_as_one() {
    let mut values = values();
    for tool in ["eval", "sh", "/bin/bash", "env"] {
        values.insert_text("tool", tool);
        let template = if tool == "env" { "{{ tool }} bash -c {{ x }}" } else { "{{ tool }} -c {{ x }}" };
        let problem = render_command(template, &values, Shell::Bash).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::EvaluatedAgain, "{tool}");
    }
}

#[test]
fn all_problems_of_a_command_come_at_once_and_once() {
    let template = "eval {{ x }}; f {{ nmae }} # {{ x }}\n{% if force %}a{% endif %} cat {{ x }}";
    let problems = check_command(template, &rule);
    let kinds: Vec<_> = problems.iter().map(|problem| problem.kind.clone()).collect();
    assert_eq!(
        kinds,
        [
            ProblemKind::EvaluatedAgain,
            ProblemKind::Undefined { name: "nmae".into() },
            ProblemKind::LeadingDash,
            ProblemKind::Place,
            ProblemKind::LeadingDash
        ]
    );
    assert!(problems.iter().all(|problem| matches!(&template[problem.range.clone()], "x" | "nmae")));
}

#[test]
fn a_command_without_holes_is_left_to_its_author() {
    for template in ["eval \"$a\"", "cat <<EOF\nx", "echo 'a", "ls !(a)", "coproc f"] {
        assert_eq!(render(template).as_deref(), Ok(template));
        assert_eq!(checked(template), []);
    }
}

#[test]
fn what_cannot_be_followed_is_refused_once_it_has_a_hole() {
    for template in [
        "f {{ y }} \"a",
        "f {{ y }} 'a",
        "f {{ y }} `a",
        "f {{ y }} $(a",
        "f {{ y }} ${a",
        "f {{ y }} $((a)",
        "f {{ y }} )",
        "cat {{ y }} <<EOF\na",
        "f !(a) {{ y }}",
        r"f $'it\'s' {{ y }}",
        "f \"${a:-'}\" {{ y }}",
        "case {{ y }} in a) f",
        "((a); b) {{ y }}",
        "coproc f {{ y }}",
        "cat <<A \"\n\" {{ y }}\nA",
        "f ${ a;} {{ y }}",
    ] {
        assert_eq!(refused(template).0, ProblemKind::Syntax, "{template}");
        assert_eq!(checked(template).first(), Some(&ProblemKind::Syntax), "{template}");
    }
}

#[test]
fn sh_is_not_given_what_only_bash_reads() {
    for template in [
        "[[ {{ y }} == a ]]",
        "f <<< {{ y }}",
        "f <(g {{ y }})",
        "a=( {{ y }} )",
        "(( a )); f {{ y }}",
        "f {{ y }} &> a",
        "f $'a' {{ y }}",
    ] {
        let problem = render_command(template, &values(), Shell::Sh).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::Syntax, "{template}");
        assert!(render(template).is_ok(), "{template}: {:?}", render(template));
    }
    assert!(render_command("[[ a == a ]]", &values(), Shell::Sh).is_ok());
}

#[test]
fn a_command_has_a_limit() {
    let mut values = Values::default();
    values.insert_text("big", &"'".repeat(5000));
    assert_eq!(render_command("f -- {{ big }}", &values, Shell::Bash).unwrap_err().kind, ProblemKind::TooLong);
    let branches = "{% if force %}f {% endif %}".repeat(9);
    assert_eq!(checked(&branches), [ProblemKind::TooLong]);
}
