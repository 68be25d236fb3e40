//! Programs that change something, and by which words: a table, so that a reader can check it.
//!
//! It names what is certain. What is not in it is not said to be harmless; on this machine a look is fenced anyway.

use Mutates::{Always, Files, FilesBehind, LastFile, Named, Operands, Options, Sql, Values, Verbs};

/// How a program can be seen to change something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mutates {
    /// Whatever its words are.
    Always,
    /// As soon as it is given anything that is no option; the words are options whose value is none either.
    Operands,
    /// By its first operands; `/` stands between those that follow each other, `*` is any text.
    Verbs,
    /// By an option; `-i` also in a heap such as `-ni` and with its value glued on.
    Options,
    /// The files that it is given, all of them; the words are options with a value.
    Files,
    /// The same, behind a first word that is no file.
    FilesBehind,
    /// The last file that it is given.
    LastFile,
    /// By the value of an option: `-X=DELETE` is `-X DELETE`, `-XDELETE` and `-X=DELETE`.
    Values,
    /// The file behind one of these words: an option, or a beginning such as `of=`.
    Named,
    /// By a statement behind one of these options; without any, by its last operand.
    Sql,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub programs: &'static str,
    pub mutates: Mutates,
    pub words: &'static str,
    /// Words with which it changes nothing, `*` being any text.
    pub unless: &'static str,
}

const fn entry(programs: &'static str, mutates: Mutates, words: &'static str, unless: &'static str) -> Entry {
    Entry { programs, mutates, words, unless }
}

/// Words with which hardly any program changes anything.
pub(super) const HARMLESS: &str = "--help --version --dry-run --dry-run=client --dry-run=server --dry-run=true";

/// Programs that start another one in a container or a namespace: by which words, and whether a `--` stands before it.
pub(super) const CARRIERS: &[(&str, &str, Before)] = &[
    ("kubectl oc lxc incus", "exec", Before::Dashes),
    ("docker podman nerdctl", "exec container/exec compose/exec", Before::Name),
    ("docker-compose crictl", "exec", Before::Name),
    ("ip", "netns/exec", Before::Name),
];

/// What stands before the program that a carrier starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// `--`, or else the name of what it is started in.
    Dashes,
    /// The name of what it is started in.
    Name,
}

/// Options of carriers that have a value.
pub(super) const CARRIER_VALUED: &str = "-u -e -w -n -c --user --env --env-file --workdir --namespace --container --context --kubeconfig --index --detach-keys";

/// Programs that read a script: behind `-c`, or from their input.
pub(super) const SHELLS: &str = "sh bash dash zsh ksh mksh ash rbash";

/// Options of `ssh` that have a value.
pub(super) const SSH_VALUED: &str = "-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w";

/// Options of `xargs` that have a value.
pub(super) const XARGS_VALUED: &str = "-n -I -P -d -L -s -a -E";

/// Statements that change data, by their first words.
pub(super) const STATEMENTS: &str = "INSERT UPDATE DELETE DROP ALTER TRUNCATE CREATE GRANT REVOKE VACUUM REINDEX REPLACE MERGE RENAME \
    OPTIMIZE FLUSH KILL PURGE REFRESH CHECKPOINT SET/GLOBAL SET/PERSIST START/SLAVE START/REPLICA STOP/SLAVE STOP/REPLICA \
    RESET/SLAVE RESET/REPLICA RESET/MASTER CHANGE/MASTER CHANGE/REPLICATION";

/// Functions that change something although a `SELECT` calls them.
pub(super) const FUNCTIONS: &str = "pg_terminate_backend( pg_cancel_backend( pg_reload_conf( pg_promote( pg_switch_wal( pg_rotate_logfile( \
    pg_drop_replication_slot( pg_create_physical_replication_slot( pg_create_logical_replication_slot( setval( nextval(";

pub(super) const TABLE: &[Entry] = &[
    // files
    entry(
        "rm rmdir unlink shred mkdir touch truncate mkfifo tee mv",
        Files,
        "-m -d -t -r -s -n --mode --date --reference --size",
        "",
    ),
    entry("chmod chown chgrp chattr setfacl", FilesBehind, "-m -x -p -v", ""),
    entry("mknod", Always, "", ""),
    entry("cp install ln", LastFile, "-m -o -g -t --mode --owner --group", ""),
    entry("rsync scp", LastFile, "", "-n --list-only"),
    entry("sed gsed perl", Options, "-i --in-place", ""),
    entry("dd", Named, "of=", ""),
    entry("sort", Named, "-o --output", ""),
    entry("openssl", Named, "-out -keyout", ""),
    entry("curl", Named, "-o --output", ""),
    entry("curl", Options, "-O --remote-name -T --upload-file", ""),
    entry("curl", Values, "-X=DELETE -X=PUT -X=PATCH --request=DELETE --request=PUT --request=PATCH", ""),
    entry("find", Options, "-delete", ""),
    entry("find", Named, "-fprint -fprintf -fls", ""),
    entry("unzip", Operands, "", "-l -t -p -v -Z"),
    // disks
    entry("mkfs mkfs.* mkswap umount swapoff blkdiscard", Operands, "", "-n"),
    entry("mount", Operands, "-t -o -O", "-l --fake"),
    entry("swapon", Operands, "", "-s --show*"),
    entry("fsck fsck.* e2fsck xfs_repair resize2fs xfs_growfs", Operands, "", "-n -N -P"),
    entry(
        "lvcreate lvremove lvextend lvreduce lvresize lvrename lvconvert vgcreate vgremove vgextend vgreduce",
        Always,
        "",
        "-t --test",
    ),
    entry("pvcreate pvremove pvmove pvresize", Always, "", "-t --test"),
    entry(
        "zfs zpool",
        Verbs,
        "create destroy set rollback snapshot rename mount unmount promote send receive recv import export clear scrub replace attach detach online offline add remove",
        "",
    ),
    // processes and the machine
    entry("kill", Always, "", "-0 -l -L --list* --table"),
    entry("pkill killall skill", Always, "", "-0 -l --list"),
    entry("fuser", Options, "-k --kill", ""),
    entry("reboot poweroff halt shutdown telinit", Always, "", "--show"),
    entry("init", Operands, "", ""),
    entry(
        "systemctl",
        Verbs,
        "start stop restart reload try-restart reload-or-restart condrestart kill enable disable reenable mask unmask edit revert preset daemon-reload daemon-reexec isolate reset-failed set-property set-default link clean freeze thaw reboot poweroff halt suspend hibernate rescue emergency",
        "",
    ),
    entry(
        "service rc-service invoke-rc.d",
        Verbs,
        "*/start */stop */restart */reload */force-reload */try-restart",
        "",
    ),
    entry("/etc/init.d/* /etc/rc.d/*", Verbs, "start stop restart reload force-reload", ""),
    entry("supervisorctl", Verbs, "start stop restart reload reread update shutdown signal add remove", ""),
    entry("initctl", Verbs, "start stop restart reload emit", ""),
    entry(
        "loginctl",
        Verbs,
        "terminate-session terminate-user terminate-seat kill-session kill-user lock-session enable-linger disable-linger",
        "",
    ),
    entry("hostnamectl", Verbs, "set-hostname set-* hostname/*", ""),
    entry("hostname", Operands, "", ""),
    entry("timedatectl", Verbs, "set-*", ""),
    entry("date", Options, "-s --set", "-I*"),
    entry("hwclock", Options, "-s -w -a --hctosys --systohc --adjust --set", ""),
    entry("chronyc", Verbs, "makestep burst online offline add delete settime", ""),
    entry("ntpdate", Always, "", "-q -dq -qd"),
    entry("sysctl", Options, "-w --write -p --load --system", ""),
    entry("sysctl", Verbs, "*=*", ""),
    entry("modprobe insmod rmmod", Operands, "", "-n --show* -c -D --dump-modversions"),
    entry("crontab", Options, "-r -e", ""),
    entry("crontab", Operands, "", "-l"),
    entry(
        "useradd userdel usermod groupadd groupdel groupmod adduser deluser chpasswd chage chsh gpasswd",
        Always,
        "",
        "-l --list -D",
    ),
    entry("passwd", Always, "", "-S --status"),
    entry("journalctl", Options, "--vacuum-size --vacuum-time --vacuum-files --rotate --flush --sync", ""),
    entry("logrotate", Operands, "", "-d --debug"),
    entry(
        "update-ca-certificates update-ca-trust update-grub update-initramfs dracut ldconfig",
        Always,
        "",
        "-p --print-cache -l --list*",
    ),
    // packages
    entry(
        "apt apt-get aptitude",
        Verbs,
        "install remove purge upgrade dist-upgrade full-upgrade autoremove update clean autoclean reinstall build-dep",
        "-s --simulate --print-uris",
    ),
    entry(
        "yum dnf microdnf",
        Verbs,
        "install remove erase update upgrade downgrade reinstall autoremove swap distro-sync groupinstall clean makecache",
        "--assumeno",
    ),
    entry("zypper", Verbs, "install in remove rm update up patch dup dist-upgrade refresh ref addrepo ar", ""),
    entry("apk", Verbs, "add del upgrade update fix", "-s --simulate"),
    entry("pacman", Options, "-S -R -U --sync --remove --upgrade", "-Ss -Si -Sl -Sp -Q*"),
    entry("dpkg", Options, "-i -r -P --install --remove --purge --configure --unpack", ""),
    entry(
        "rpm",
        Options,
        "-i -U -e -F --install --upgrade --erase --freshen --import",
        "-q* -V* --query* --verify* -K --checksig --eval -E",
    ),
    entry("pip pip3 pipx gem cargo brew snap flatpak", Verbs, "install uninstall upgrade update remove refresh", ""),
    entry("npm yarn pnpm", Verbs, "install i ci add remove uninstall update publish", ""),
    // network
    entry(
        "iptables ip6tables iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy ebtables arptables",
        Options,
        "-A -D -I -R -F -Z -N -X -P -E --append --delete --insert --replace --flush --zero --new-chain --delete-chain --policy --rename-chain",
        "",
    ),
    entry("iptables-restore ip6tables-restore", Always, "", "-t --test"),
    entry("nft", Verbs, "add create delete destroy flush insert replace rename reset", "-c --check"),
    entry("nft", Options, "-f --file", "-c --check"),
    entry("ufw", Verbs, "enable disable allow deny reject limit delete insert reset reload route", ""),
    entry(
        "firewall-cmd",
        Options,
        "--add-* --remove-* --set-* --reload --complete-reload --runtime-to-permanent --panic-on --panic-off --change-* --new-* --delete-*",
        "",
    ),
    entry(
        "ip",
        Verbs,
        "link/set link/add link/del* l/set l/add l/del* addr*/add addr*/del* addr*/flush addr*/replace a/add a/del* a/flush route/add route/del* route/change route/replace route/append route/flush r/add r/del* rule/add rule/del* rule/flush neigh*/add neigh*/del* neigh*/flush neigh*/replace netns/add netns/del* netns/delete tunnel/add tunnel/del* tunnel/change",
        "",
    ),
    entry("ifconfig", Verbs, "*/up */down */add */del */netmask */mtu */*.*.*.*", ""),
    entry("ifup ifdown dhclient", Operands, "", ""),
    entry("route", Verbs, "add del delete flush change", ""),
    entry("tc", Verbs, "*/add */del */delete */change */replace", ""),
    entry("ipset", Verbs, "add del create destroy flush swap rename restore", ""),
    entry("conntrack", Options, "-D -F -I -U --delete --flush --create --update", ""),
    entry(
        "nmcli",
        Verbs,
        "con*/up con*/down con*/add con*/modify con*/delete con*/reload con*/edit c/up c/down dev*/connect dev*/disconnect dev*/reapply dev*/set dev*/delete networking/on networking/off radio/*/on radio/*/off",
        "",
    ),
    entry("resolvectl", Verbs, "flush-caches reset-* dns/*/* domain/*/* revert", ""),
    entry("wg-quick", Verbs, "up down", ""),
    entry("wg", Verbs, "set setconf addconf syncconf", ""),
    entry("tailscale", Verbs, "up down logout set", ""),
    // containers and clusters
    entry(
        "kubectl oc",
        Verbs,
        "apply delete edit patch replace scale autoscale create run expose set label annotate cordon uncordon drain taint rollout/restart rollout/undo rollout/pause rollout/resume debug certificate/approve certificate/deny auth/reconcile",
        "token",
    ),
    entry(
        "docker podman nerdctl",
        Verbs,
        "rm rmi stop start restart kill pause unpause rename update commit push pull create build tag load import container/rm container/stop container/start container/restart container/kill container/prune container/create image/rm image/prune image/pull image/push image/build image/tag volume/rm volume/create volume/prune network/rm network/create network/prune network/connect network/disconnect system/prune builder/prune buildx/build service/update service/scale service/rm service/create service/rollback stack/deploy stack/rm stack/up swarm/* node/update node/rm node/promote node/demote secret/rm secret/create config/rm config/create compose/up compose/down compose/start compose/stop compose/restart compose/rm compose/kill compose/pull compose/build compose/create compose/run compose/pause compose/unpause compose/scale",
        "",
    ),
    entry("docker-compose", Verbs, "up down start stop restart rm kill pull build create run pause unpause scale", ""),
    entry("crictl", Verbs, "rm rmi rmp stop stopp start run runp create pull update", ""),
    entry("ctr", Verbs, "*/rm */remove */delete */kill */create */pull */push */import */tag run", ""),
    entry(
        "kubeadm",
        Verbs,
        "init join reset certs/renew certs/generate-csr upgrade/apply upgrade/node token/create token/delete",
        "",
    ),
    entry("helm", Verbs, "install upgrade uninstall delete rollback repo/add repo/remove repo/update push", ""),
    entry(
        "terraform tofu",
        Verbs,
        "apply destroy import taint untaint init state/rm state/mv state/push force-unlock workspace/new workspace/delete workspace/select",
        "",
    ),
    entry("ansible-playbook", Operands, "", "-C --check --syntax-check --list-*"),
    entry(
        "etcdctl",
        Verbs,
        "put del member/add member/remove member/update member/promote defrag compact compaction move-leader snapshot/save snapshot/restore alarm/disarm auth/* role/add role/delete user/add user/delete",
        "",
    ),
    entry("etcdutl", Verbs, "defrag snapshot/restore", ""),
    entry("flux", Verbs, "reconcile suspend resume delete create bootstrap uninstall", ""),
    entry("argocd", Verbs, "app/sync app/delete app/create app/set app/rollback app/terminate-op app/patch", ""),
    entry(
        "virsh",
        Verbs,
        "start shutdown destroy reboot reset undefine define suspend resume migrate setmem setvcpus",
        "",
    ),
    entry("lxc incus", Verbs, "start stop restart delete launch init move copy rename publish", ""),
    entry("nomad", Verbs, "job/run job/stop run stop alloc/restart alloc/stop node/drain system/gc", ""),
    entry(
        "aws",
        Verbs,
        "*/create-* */delete-* */put-* */update-* */modify-* */terminate-* */reboot-* */start-* */stop-* */run-* */attach-* */detach-* */associate-* */disassociate-* */register-* */deregister-* */reset-* */restore-* */revoke-* */authorize-* */enable-* */disable-* s3/cp s3/mv s3/rm s3/sync s3/mb s3/rb",
        "--dryrun",
    ),
    entry(
        "gcloud",
        Verbs,
        "*/create */delete */update */*/create */*/delete */*/update */*/stop */*/start */*/reset */*/resize */*/restart */*/patch */*/*/create */*/*/delete */*/*/update */*/*/set-size",
        "",
    ),
    entry(
        "az",
        Verbs,
        "*/create */delete */update */start */stop */restart */deallocate */scale */*/create */*/delete */*/update */*/start */*/stop */*/restart */*/scale",
        "",
    ),
    entry("gsutil", Verbs, "cp mv rm rsync mb rb", "-n"),
    // files under version
    entry(
        "git",
        Verbs,
        "push commit reset checkout switch restore merge rebase pull clean revert cherry-pick rm mv add am stash/push stash/pop stash/drop stash/apply stash/clear",
        "",
    ),
    // services
    entry("psql", Sql, "-c --command", ""),
    entry("mysql mariadb", Sql, "-e --execute", ""),
    entry("sqlite3 duckdb", Sql, "", ""),
    entry("clickhouse-client", Sql, "-q --query", ""),
    entry("cqlsh", Sql, "-e --execute", ""),
    entry("createdb dropdb createuser dropuser vacuumdb reindexdb pg_restore pg_resetwal", Always, "", "-l --list -e"),
    entry("pg_ctl", Verbs, "start stop restart reload promote initdb init kill logrotate", ""),
    entry("pg_ctlcluster", Verbs, "*/*/start */*/stop */*/restart */*/reload */*/promote", ""),
    entry("patronictl", Verbs, "failover switchover restart reinit reload pause resume edit-config remove flush", ""),
    entry(
        "mysqladmin mariadb-admin",
        Verbs,
        "shutdown kill flush-* reload refresh create drop password start-* stop-*",
        "",
    ),
    entry(
        "redis-cli valkey-cli",
        Verbs,
        "set del unlink flushall flushdb expire persist rename hset hdel lpush rpush lpop rpop sadd srem zadd zrem incr decr shutdown save bgsave bgrewriteaof failover replicaof slaveof config/set config/rewrite config/resetstat client/kill client/pause cluster/failover cluster/reset cluster/forget cluster/meet script/flush SET DEL UNLINK FLUSHALL FLUSHDB EXPIRE SHUTDOWN SAVE BGSAVE FAILOVER REPLICAOF SLAVEOF CONFIG/SET CONFIG/REWRITE CLIENT/KILL CLUSTER/FAILOVER CLUSTER/RESET",
        "",
    ),
    entry(
        "rabbitmqctl",
        Verbs,
        "stop stop_app start_app reset force_reset shutdown forget_cluster_node join_cluster delete_* purge_queue add_* set_* clear_* change_password close_connection close_all_connections rotate_logs",
        "",
    ),
    entry(
        "kafka-topics kafka-topics.sh kafka-configs kafka-configs.sh kafka-acls kafka-acls.sh",
        Options,
        "--create --delete --alter --add --remove",
        "",
    ),
    entry("kafka-consumer-groups kafka-consumer-groups.sh", Options, "--delete --delete-offsets --reset-offsets", ""),
    entry(
        "kafka-reassign-partitions kafka-reassign-partitions.sh kafka-leader-election kafka-leader-election.sh",
        Options,
        "--execute --cancel --election-type",
        "",
    ),
    entry(
        "nodetool",
        Verbs,
        "repair flush drain cleanup compact decommission removenode assassinate rebuild scrub stopdaemon disable* enable* refresh snapshot clearsnapshot move",
        "",
    ),
    entry(
        "ceph",
        Verbs,
        "osd/out osd/in osd/down osd/set osd/unset osd/rm osd/purge osd/destroy osd/reweight osd/crush/* osd/pool/set osd/pool/create osd/pool/delete config/set pg/repair pg/scrub pg/deep-scrub mds/fail mgr/fail",
        "",
    ),
    entry(
        "consul",
        Verbs,
        "kv/put kv/delete leave force-leave join reload snapshot/save snapshot/restore maint operator/raft/remove-peer",
        "",
    ),
    entry(
        "vault",
        Verbs,
        "write delete kv/put kv/patch kv/delete kv/destroy operator/init operator/seal operator/unseal operator/step-down operator/rekey operator/rotate operator/generate-root operator/raft/join operator/raft/remove-peer secrets/enable secrets/disable auth/enable auth/disable lease/revoke token/create token/revoke policy/write policy/delete",
        "",
    ),
    entry("nginx", Options, "-s", ""),
    entry("apachectl apache2ctl", Verbs, "start stop restart graceful graceful-stop", ""),
    entry("a2ensite a2dissite a2enmod a2dismod", Operands, "", ""),
    entry("certbot", Verbs, "renew certonly run install delete revoke rollback update_account", ""),
    entry("postsuper", Options, "-d -h -H -r -s -p", ""),
    entry("postqueue", Options, "-f -i -s", ""),
    entry("postfix", Verbs, "start stop reload flush abort", ""),
    entry("varnishadm", Verbs, "ban* param.set vcl.use vcl.load vcl.discard backend.set_health start stop", ""),
];
