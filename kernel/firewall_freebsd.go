//go:build amd64 || arm64 || riscv64

package kernel

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// tool runs a program of the base system on the host.
func (k *freebsd) tool(ctx context.Context, stdin, program string, args ...string) (exit Exit, stdout, stderr string, err error) {
	var out, complaint bytes.Buffer
	cmd := Command{
		Argv: append([]string{program}, args...), Env: []string{"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "LC_ALL=C"},
		Stdout: &out, Stderr: &complaint,
	}
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	exit, err = k.Run(ctx, cmd)
	return exit, out.String(), strings.TrimSpace(complaint.String()), err
}

func (k *freebsd) ipfw(ctx context.Context, subject, stdin string, args ...string) (string, error) {
	if _, err := k.SysctlInt(ctx, "net.inet.ip.fw.enable"); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = &CallError{Op: "ipfw", Subject: subject, Errno: syscall.ENOPROTOOPT, Msg: ipfwRemedy, Err: ErrUnsupported}
		}
		return "", err
	}
	exit, stdout, stderr, err := k.tool(ctx, stdin, "/sbin/ipfw", args...)
	switch {
	case err != nil:
		return "", err
	case exit.Success():
		return stdout, nil
	}
	e := &CallError{Op: "ipfw", Subject: subject, Errno: syscall.EINVAL, Msg: stderr}
	switch {
	case strings.Contains(stderr, "not found"):
		e.Errno, e.Err = syscall.ENOENT, ErrNotFound
	case strings.Contains(stderr, "Operation not permitted"):
		e.Errno = syscall.EPERM
	}
	return "", e
}

func (k *freebsd) IpfwRules(ctx context.Context, set int) ([]IpfwRule, error) {
	if err := checkIpfw(set, nil); err != nil {
		return nil, err
	}
	text, err := k.ipfw(ctx, "set "+itoa(set), "", "set", itoa(set), "list")
	var e *CallError
	if errors.As(err, &e) && e.Err == ErrNotFound {
		return nil, nil
	}
	return parseIpfwList(text), err
}

func (k *freebsd) IpfwAdd(ctx context.Context, set int, rules ...IpfwRule) error {
	if err := checkIpfw(set, rules); err != nil || len(rules) == 0 {
		return err
	}
	_, err := k.ipfw(ctx, itoa(rules[0].Number), ipfwText(set, rules), "-q", "/dev/stdin")
	return err
}

func (k *freebsd) IpfwDelete(ctx context.Context, set int, number int) error {
	if err := checkIpfw(set, []IpfwRule{{Number: number, Body: "count"}}); err != nil {
		return err
	}
	// ipfw(8) is silent about a rule that is not there, with -q and without.
	list, err := k.IpfwRules(ctx, set)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Number == number {
			_, err := k.ipfw(ctx, itoa(number), "", "set", itoa(set), "delete", itoa(number))
			return err
		}
	}
	return &CallError{Op: "ipfw", Subject: itoa(number), Errno: syscall.ENOENT, Msg: "no such rule", Err: ErrNotFound}
}

func (k *freebsd) pfctl(ctx context.Context, subject, stdin string, args ...string) (string, error) {
	if _, err := os.Stat("/dev/pf"); err != nil {
		return "", &CallError{Op: "pfctl", Subject: subject, Errno: syscall.ENOENT, Msg: pfRemedy, Err: ErrUnsupported}
	}
	exit, stdout, stderr, err := k.tool(ctx, stdin, "/sbin/pfctl", args...)
	switch {
	case err != nil:
		return "", err
	case exit.Success():
		return stdout, nil
	}
	e := &CallError{Op: "pfctl", Subject: subject, Errno: syscall.EINVAL, Msg: stderr}
	if strings.Contains(stderr, "Operation not permitted") || strings.Contains(stderr, "Permission denied") {
		e.Errno = syscall.EPERM
	}
	return "", e
}

func (k *freebsd) PfStatus(ctx context.Context) (PfStatus, error) {
	info, err := k.pfctl(ctx, "info", "", "-s", "info")
	if err != nil {
		return PfStatus{}, err
	}
	s := PfStatus{Enabled: parsePfStatus(info)}
	for _, what := range []string{"nat", "rules"} {
		text, err := k.pfctl(ctx, what, "", "-s", what)
		if err != nil {
			return PfStatus{}, err
		}
		s.Anchors = append(s.Anchors, parsePfAnchorLines(text)...)
	}
	return s, nil
}

func (k *freebsd) PfAnchors(ctx context.Context, parent string) ([]string, error) {
	if err := checkAnchor(parent); err != nil {
		return nil, err
	}
	text, err := k.pfctl(ctx, parent, "", "-a", parent, "-s", "Anchors")
	if err != nil && (strings.Contains(err.Error(), "does not exist") || strings.Contains(err.Error(), "No such file or directory")) {
		return nil, nil // the parent is not there
	}
	// pfctl(8) of FreeBSD 15 lists those further below too.
	return slices.DeleteFunc(textLines(text), func(anchor string) bool {
		return strings.Contains(strings.TrimPrefix(anchor, parent+"/"), "/")
	}), err
}

func (k *freebsd) PfRules(ctx context.Context, anchor string) ([]string, error) {
	if err := checkAnchor(anchor); err != nil {
		return nil, err
	}
	var all []string
	for _, what := range []string{"nat", "rules"} {
		text, err := k.pfctl(ctx, anchor, "", "-a", anchor, "-s", what)
		if err != nil && !strings.Contains(err.Error(), "does not exist") {
			return nil, err
		}
		all = append(all, textLines(text)...)
	}
	return all, nil
}

func (k *freebsd) PfLoad(ctx context.Context, anchor, rules string) error {
	if err := checkAnchor(anchor); err != nil {
		return err
	}
	if rules == "" {
		return k.PfFlush(ctx, anchor)
	}
	_, err := k.pfctl(ctx, anchor, rules, "-q", "-a", anchor, "-f", "-")
	return err
}

func (k *freebsd) PfFlush(ctx context.Context, anchor string) error {
	if err := checkAnchor(anchor); err != nil {
		return err
	}
	// Only this removes tables that persist. An anchor without them has gone when
	// pfctl(8) comes to its tables, and that of FreeBSD 15 then fails.
	if _, err := k.pfctl(ctx, anchor, "", "-q", "-a", anchor, "-F", "all"); err == nil {
		return nil
	}
	// So an empty rule set decides: it empties what is there, makes no anchor, and
	// fails without the permission. Tables that then still persist go unnoticed;
	// this library makes none.
	_, err := k.pfctl(ctx, anchor, "", "-q", "-a", anchor, "-f", "/dev/null")
	return err
}

func (k *freebsd) PfKillStates(ctx context.Context, addr netip.Addr) (int, error) {
	text, err := k.pfctl(ctx, addr.String(), "", "-vv", "-s", "states")
	if err != nil {
		return 0, err
	}
	ids := parsePfStates(text, addr)
	for _, id := range ids {
		if _, err := k.pfctl(ctx, id, "", "-q", "-k", "id", "-k", id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
