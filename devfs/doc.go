// Package devfs reads and writes devfs.rules(5) files, and computes the ruleset
// of a jail.
//
// A File is one file, kept byte for byte: comments and blank lines are preserved,
// and appending a ruleset changes nothing else, so that saving twice writes the
// same bytes. A Set is all files of a host, usually /etc/defaults/devfs.rules,
// which belongs to the system, and /etc/devfs.rules, the only one that is ever
// appended to.
//
// A jail needs its configured ruleset and a few more rules (ForDHCP, ForZFS,
// ForVMM, joined by Extend). Set.Ensure finds a ruleset with exactly these rules
// or appends one named iocage_auto_<number>, as libioc does. Set.Flatten turns a
// ruleset into the rules to load into the kernel: devfs(4) follows an include only
// one level deep (sysctl vfs.devfs.rule_depth), so that a ruleset which includes
// devfsrules_jail alone would hide nothing. The flat list has no includes left.
//
// A line that cannot be read, headers included, is kept and does not affect other
// rulesets; its own ruleset cannot be used, because the missing rule may be the one
// that hides /dev/mem.
//
// Names and numbers are understood as rc.subr(8) does: the later of two rulesets of
// one number counts, and a $name means the ruleset that had the name last, up to
// there. Users and groups are names or numbers; AccountID finds the number
// of a name.
//
// The package reads no files and makes no system calls. A File and a Set are not
// safe for concurrent use.
package devfs
