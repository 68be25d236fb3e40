//! What is said of looks, and what is not.

use super::super::problems_in;
use super::found_in;
use super::table::TABLE;

#[track_caller]
fn refuses(scripts: &[&str]) {
    let missed: Vec<_> = scripts.iter().filter(|script| found_in(script).is_none()).collect();
    assert!(missed.is_empty(), "let through: {missed:#?}");
}

#[track_caller]
fn lets_through(scripts: &[&str]) {
    let said: Vec<_> = scripts.iter().filter_map(|script| Some(format!("{script}: {}", found_in(script)?))).collect();
    assert!(said.is_empty(), "{said:#?}");
}

#[test]
fn every_kind_of_look_is_read_where_it_stands() {
    let rest = "targets: { n: { host: kyousuke, via: [ssh, kyousuke], prove: 'hostname > /tmp/x' } }\nmust_not_change: [{ what: x, output_of: 'crontab -r' }]\n\
        diagnose:\n  - { check: rm -f x }\n  - { wait: [kill, '1'], at_most: 1m }\nrepair:\n  - { change: rm x, needs: mv a b, done_when: touch y, undo: { change: rm y, done_when: chmod 600 z } }\n";
    let places: Vec<_> =
        problems_in(rest).iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        places,
        [
            "3:62 mutating-look:",
            "4:41 mutating-look:",
            "6:14 mutating-look:",
            "7:13 mutating-look:",
            "9:28 mutating-look:",
            "9:47 mutating-look:",
            "9:89 mutating-look:"
        ]
    );
    assert_eq!(
        problems_in("diagnose: [{ check: 'sudo systemctl restart forum' }]\n"),
        ["3:21 mutating-look: a look changes nothing, but `systemctl restart` changes something"]
    );
}

#[test]
fn files_are_changed_by_many_programs() {
    refuses(&[
        "rm -rf /var/lib/x",
        "mv a b",
        "cp a b",
        "dd if=x of=/dev/sda",
        "tee /etc/x",
        "echo x | sudo tee -a /etc/x",
        "sed -i s/a/b/ x",
        "sed -ni p x",
        "perl -pi -e s/a/b/ x",
        "truncate -s 0 x",
        "chmod 600 x",
        "chown -R a:b x",
        "touch x",
        "mkdir -p x",
        "ln -sf a b",
        "find / -name x -delete",
        "find . -exec rm {} +",
        "ls | xargs -n 1 rm",
        "curl -o x http://kyousuke",
        "curl -sSO http://kyousuke/x",
        "openssl req -x509 -keyout a.key -out a.crt",
        "rsync -a a b",
    ]);
    lets_through(&[
        "dd if=/dev/sda of=/dev/null count=1",
        "dd if=x",
        "tee",
        "tee /dev/stderr",
        "sed -n 1,5p x",
        "sed s/i/-i/ x",
        "find . -name rm",
        "find . -exec grep x {} +",
        "curl -so /dev/null -w '%{http_code}' http://kyousuke",
        "curl -fsS -X POST http://kyousuke",
        "curl -XGET http://kyousuke",
        "openssl x509 -in a -noout -enddate",
        "ls | xargs -n 1 cat",
        "rsync -n a b",
        "sort -u x",
        "perl -ne print x",
        "rsync --dry-run a b",
        "command -v rm",
        "which rm",
        "echo rm x",
        "grep 'rm -rf' log",
        "man rm",
        "rm --help",
    ]);
}

#[test]
fn redirections_into_files_are_writing() {
    refuses(&[
        "echo x > f",
        "x >> f",
        "x &> f",
        "x >| f",
        "x 2> f",
        "x >& f",
        "> f",
        "a | b > f",
        "echo 1 > /proc/sys/net/x",
        "a > {{ file }}",
    ]);
    lets_through(&[
        "x > /dev/null",
        "x >/dev/null 2>&1",
        "x 2>&1 >&2",
        "x >/dev/stderr",
        "x < f",
        "x <<< y",
        "x 3>&-",
        "timeout 3 bash -c '</dev/tcp/kyousuke/22'",
        "exec 3<>/dev/tcp/kyousuke/22",
        "[[ a > b ]]",
        "(( a > 5 ))",
        "test $((a > b)) = 1",
        "awk '$1 > 5' x",
        "diff <(a) <(b)",
        "x &>/dev/null",
        "cat <<E\nrm x > f\nE\n",
    ]);
}

#[test]
fn files_of_its_own_are_nobody_elses() {
    lets_through(&[
        "echo x > \"$TMPDIR/x\"; rm \"$TMPDIR/x\"",
        "t=$(mktemp); x > \"$t\"; rm -f -- \"$t\"",
        "mkdir -m 700 $TMPDIR/a && cp /etc/x $TMPDIR/a",
        "trap 'rm -rf \"$t\"' EXIT; t=$(mktemp -d)",
        "sleep 9 & p=$!; kill $p",
        "tee ${TMPDIR}/x",
    ]);
    refuses(&["x > \"$file\"", "rm \"$file\"", "kill \"$pid\"", "t=$(mktemp); mv $t /etc/x", "sleep 9 & p=$!; kill 1"]);
}

#[test]
fn it_is_seen_behind_whatever_starts_it() {
    refuses(&[
        "sudo rm x",
        "sudo -u root -- rm x",
        "sudo -iu postgres rm x",
        "env A=b rm x",
        "A=b rm x",
        "nice -n 5 rm x",
        "timeout -k 1 5 rm x",
        "kubectl -n x exec pod -c y -- rm x",
        "kubectl exec -it pod -- sh -c 'rm x'",
        "docker exec -u root forum rm x",
        "docker compose exec -T web rm x",
        "ssh kyousuke rm x",
        "ssh -p 22 -o A=b kyousuke 'sudo systemctl stop x'",
        "ip netns exec a rm x",
        "bash -euo pipefail -c 'cd /; rm x'",
        "sh -ec 'rm x'",
        "su - root -c 'rm x'",
        "eval 'rm x'",
        "watch -n 1 rm x",
        "bash <<E\nrm x\nE\n",
        "/bin/rm x",
        "busybox rm x",
        "chroot /mnt rm x",
        "if true; then rm x; fi",
        "for a in b; do rm $a; done",
        "a || { rm x; }",
        "(rm x)",
        "echo $(rm x)",
        "f() { rm x; }; f",
        "! rm x",
        "a | sudo tee x",
        "while rm x; do :; done",
    ]);
    lets_through(&[
        "ssh kyousuke hostname",
        "kubectl exec pod -- cat /etc/rm",
        "docker exec forum ls",
        "for rm in kill; do echo $rm; done",
        "ssh kyousuke",
        "sudo -l",
        "case x in rm) ls;; esac",
    ]);
}

/// What changes services, clusters, packages and networks.
const CHANGES: &[&str] = &[
    "systemctl restart x",
    "systemctl --user --now enable x",
    "service nginx reload",
    "/etc/init.d/nginx stop",
    "kubectl apply -f x",
    "kubectl --context a -n b delete pod c",
    "kubectl rollout restart deploy/x",
    "kubectl rollout -n x restart deploy/x",
    "kubectl drain n",
    "docker rm x",
    "docker system prune -f",
    "docker compose up -d",
    "git push",
    "git -C x commit -m y",
    "git reset --hard",
    "apt-get -y install x",
    "pip3 install x",
    "python3 -m venv x; pip install y",
    "mkfs.ext4 /dev/sda",
    "mount /dev/sda /mnt",
    "mount -o remount,rw /",
    "umount /mnt",
    "iptables -A INPUT -j DROP",
    "iptables -t nat -I OUTPUT",
    "ip link set eth0 down",
    "ip addr add 1.2.3.4/8 dev a",
    "ip -n x route del default",
    "sysctl -w a=b",
    "sysctl a=b",
    "kill 1",
    "pkill -f x",
    "reboot",
    "crontab x",
    "date -s 12:00",
    "hostname x",
    "nft add rule x",
    "helm upgrade a b",
    "terraform apply",
    "redis-cli -h a FLUSHALL",
    "etcdctl --endpoints=x member remove y",
    "kubeadm certs renew all",
    "kubeadm reset -f",
    "aws --region x ec2 terminate-instances y",
    "gcloud compute instances delete x",
    "nginx -s reload",
    "rabbitmqctl stop_app",
    "useradd x",
    "curl -X DELETE http://kyousuke/x",
    "curl -XPUT http://kyousuke/x",
    "rpm -Uvh x",
    "dpkg -i x",
];

/// What only looks at them.
const LOOKS: &[&str] = &[
    "systemctl status x",
    "systemctl is-active --quiet restart",
    "systemctl show -p ExecStart x",
    "service nginx status",
    "kubectl get pods -n delete-me",
    "kubectl auth can-i create pods",
    "kubectl rollout status deploy/x",
    "kubectl create -f x --dry-run=client",
    "kubectl diff -f x",
    "kubectl get --raw /readyz",
    "kubectl logs x",
    "kubectl describe node drain",
    "docker ps",
    "docker inspect start",
    "docker compose ps",
    "git status",
    "git log",
    "git -C x diff push",
    "apt list --installed",
    "apt-cache policy x",
    "pip list",
    "mount",
    "mount -t nfs",
    "mount | grep x",
    "iptables -L -n -v",
    "iptables -S",
    "iptables -nvL",
    "ip link show",
    "ip -br a",
    "ip r",
    "ip route get 1.1.1.1",
    "sysctl -n a.b",
    "sysctl a.b",
    "kill -0 1",
    "crontab -l",
    "date -u +%s",
    "date -Is",
    "date -d @1",
    "hostname",
    "hostname -f",
    "nft list ruleset",
    "helm list",
    "helm status x",
    "terraform plan",
    "redis-cli -h a info",
    "redis-cli CONFIG GET x",
    "etcdctl endpoint health",
    "kubeadm certs check-expiration",
    "aws ec2 describe-instances",
    "gcloud compute instances list",
    "nginx -t",
    "rabbitmqctl list_queues",
    "rpm -qi x",
    "rpm -qa",
    "dpkg -l x",
    "crictl ps --quiet --name=x",
    "ss -ltnp",
    "journalctl -u x --since -1h",
    "tc -s qdisc show",
    "passwd -S x",
    "fuser -v 80/tcp",
    "nmcli con show",
];

#[test]
fn services_clusters_packages_and_networks_are_changed_by_their_verbs() {
    refuses(CHANGES);
    lets_through(LOOKS);
}

#[test]
fn statements_that_change_data_are_seen_where_the_program_gets_them() {
    refuses(&[
        "psql -c 'UPDATE a SET b = 1'",
        "psql -Atc \"select 1; delete from a\"",
        "psql --command='drop table a'",
        "sudo -u postgres psql -d x -c 'VACUUM'",
        "mysql -e 'SET GLOBAL x = 1'",
        "sqlite3 x.db 'insert into a values (1)'",
        "psql -c 'select pg_terminate_backend(1)'",
    ]);
    lets_through(&[
        "psql -c 'select * from updates'",
        "psql -Atc \"select 'drop table a'\"",
        "mysql -e 'show slave status'",
        "sqlite3 x.db 'select 1'",
        "psql -c 'begin; delete from a; rollback'",
        "psql -c 'create temp table a (b int)'",
        "psql -l",
        "sqlite3 delete.db",
        "mysql -e 'start transaction; select 1'",
        "psql -d update -c 'select 1'",
    ]);
}

#[test]
fn each_line_of_the_table_has_words_where_it_needs_them() {
    use super::table::Mutates;
    for entry in TABLE {
        let needs = matches!(entry.mutates, Mutates::Verbs | Mutates::Options | Mutates::Named | Mutates::Values);
        assert!(!needs || !entry.words.is_empty(), "{}", entry.programs);
        assert!(!entry.programs.is_empty() && !entry.programs.contains("  "), "{}", entry.programs);
    }
}

#[test]
fn a_hostile_look_is_answered_soon() {
    let nested = "sh -c \"".repeat(2_000) + "rm x";
    found_in(&nested);
    found_in(&"sudo ".repeat(3_000));
    found_in(&"$(".repeat(8_000));
    found_in(&"xargs xargs ".repeat(1_000));
}
