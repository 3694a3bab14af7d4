// Package devfs reads and writes devfs.rules(5) files, and computes the ruleset
// of a jail.
//
// A File is one file, kept byte for byte: comments, blank lines and their places
// survive, and appending a ruleset changes nothing else, so that saving twice
// gives the same bytes. A Set is all files of a host, usually
// /etc/defaults/devfs.rules, which belongs to the system, and /etc/devfs.rules,
// the only one that is ever appended to.
//
// What a jail needs is its configured ruleset plus a few rules (ForDHCP, ForZFS,
// ForVMM, joined by Extend). Set.Ensure finds a ruleset with exactly these rules
// or appends one named iocage_auto_<number>, as libioc does. Set.Flatten turns a
// ruleset into what is loaded into the kernel: devfs(4) follows an include only
// one level deep (sysctl vfs.devfs.rule_depth), so that a ruleset which includes
// devfsrules_jail alone would hide nothing. The flat list has no includes left.
//
// A line that is no rule is kept and does not hinder the use of other rulesets;
// its own ruleset cannot be used, because a rule that is missing may be the one
// that hides /dev/mem.
//
// The package reads no file and makes no system call. A File and a Set are not
// safe for use by several goroutines at once.
package devfs
