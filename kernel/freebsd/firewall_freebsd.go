//go:build amd64 || arm64 || riscv64

package freebsd

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/precheck"
	"github.com/libioc/go-libioc/kernel/internal/tooltext"
	"github.com/libioc/go-libioc/kernel/internal/words"
)

// tool runs a program of the base system on the host and returns its standard
// output, or what it complained of as an error.
func (k *system) tool(ctx context.Context, op, subject, stdin string, args ...string) (string, error) {
	cmd := kernel.Command{Argv: append([]string{"/sbin/" + op}, args...)}
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	return runBase(ctx, k, op, subject, cmd, func(exit kernel.Exit, _, stderr string) error {
		if exit.Success() {
			return nil
		}
		e := &kernel.CallError{Op: op, Subject: subject, Errno: syscall.EINVAL, Msg: strings.TrimSpace(stderr)}
		if strings.Contains(e.Msg, "Operation not permitted") || strings.Contains(e.Msg, "Permission denied") {
			e.Errno = syscall.EPERM
		}
		return e
	})
}

func (k *system) ipfw(ctx context.Context, subject, stdin string, args ...string) (string, error) {
	if _, err := k.SysctlInt(ctx, "net.inet.ip.fw.enable"); err != nil {
		if errors.Is(err, kernel.ErrNotFound) {
			err = &kernel.CallError{Op: "ipfw", Subject: subject, Errno: syscall.ENOPROTOOPT, Msg: words.IpfwRemedy, Err: kernel.ErrUnsupported}
		}
		return "", err
	}
	stdout, err := k.tool(ctx, "ipfw", subject, stdin, args...)
	if e, ok := errors.AsType[*kernel.CallError](err); ok && strings.Contains(e.Msg, "not found") {
		e.Errno, e.Err = syscall.ENOENT, kernel.ErrNotFound
	}
	return stdout, err
}

func (k *system) IpfwRules(ctx context.Context, set int) ([]kernel.IpfwRule, error) {
	if err := precheck.Ipfw(set, nil); err != nil {
		return nil, err
	}
	text, err := k.ipfw(ctx, "set "+strconv.Itoa(set), "", "set", strconv.Itoa(set), "list")
	if errors.Is(err, kernel.ErrNotFound) {
		return nil, nil
	}
	return tooltext.ParseIpfwList(text), err
}

func (k *system) IpfwAdd(ctx context.Context, set int, rules ...kernel.IpfwRule) error {
	if err := precheck.Ipfw(set, rules); err != nil || len(rules) == 0 {
		return err
	}
	_, err := k.ipfw(ctx, strconv.Itoa(rules[0].Number), tooltext.IpfwText(set, rules), "-q", "/dev/stdin")
	return err
}

func (k *system) IpfwDelete(ctx context.Context, set int, number int) error {
	if err := precheck.Ipfw(set, []kernel.IpfwRule{{Number: number, Body: "count"}}); err != nil {
		return err
	}
	// ipfw(8) does not report a missing rule, with -q or without.
	list, err := k.IpfwRules(ctx, set)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Number == number {
			_, err := k.ipfw(ctx, strconv.Itoa(number), "", "set", strconv.Itoa(set), "delete", strconv.Itoa(number))
			return err
		}
	}
	return &kernel.CallError{Op: "ipfw", Subject: strconv.Itoa(number), Errno: syscall.ENOENT, Msg: "no such rule", Err: kernel.ErrNotFound}
}

func (k *system) pfctl(ctx context.Context, subject, stdin string, args ...string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if _, err := os.Stat("/dev/pf"); err != nil {
		return "", &kernel.CallError{Op: "pfctl", Subject: subject, Errno: syscall.ENOENT, Msg: words.PfRemedy, Err: kernel.ErrUnsupported}
	}
	return k.tool(ctx, "pfctl", subject, stdin, args...)
}

func (k *system) PfStatus(ctx context.Context) (kernel.PfStatus, error) {
	info, err := k.pfctl(ctx, "info", "", "-s", "info")
	if err != nil {
		return kernel.PfStatus{}, err
	}
	s := kernel.PfStatus{Enabled: tooltext.ParsePfStatus(info)}
	for _, what := range []string{"nat", "rules"} {
		text, err := k.pfctl(ctx, what, "", "-s", what)
		if err != nil {
			return kernel.PfStatus{}, err
		}
		s.Anchors = append(s.Anchors, tooltext.ParsePfAnchorLines(text)...)
	}
	return s, nil
}

func (k *system) PfAnchors(ctx context.Context, parent string) ([]string, error) {
	if err := precheck.Anchor(parent); err != nil {
		return nil, err
	}
	text, err := k.pfctl(ctx, parent, "", "-a", parent, "-s", "Anchors")
	if err != nil && (strings.Contains(err.Error(), "does not exist") || strings.Contains(err.Error(), "No such file or directory")) {
		return nil, nil // the parent does not exist
	}
	// pfctl(8) of FreeBSD 15 lists those further below too.
	return slices.DeleteFunc(tooltext.TextLines(text), func(anchor string) bool {
		return strings.Contains(strings.TrimPrefix(anchor, parent+"/"), "/")
	}), err
}

func (k *system) PfRules(ctx context.Context, anchor string) ([]string, error) {
	if err := precheck.Anchor(anchor); err != nil {
		return nil, err
	}
	var all []string
	for _, what := range []string{"nat", "rules"} {
		text, err := k.pfctl(ctx, anchor, "", "-a", anchor, "-s", what)
		if err != nil && !strings.Contains(err.Error(), "does not exist") {
			return nil, err
		}
		all = append(all, tooltext.TextLines(text)...)
	}
	return all, nil
}

func (k *system) PfLoad(ctx context.Context, anchor, rules string) error {
	if err := precheck.Anchor(anchor); err != nil {
		return err
	}
	if rules == "" {
		return k.PfFlush(ctx, anchor)
	}
	_, err := k.pfctl(ctx, anchor, rules, "-q", "-a", anchor, "-f", "-")
	return err
}

func (k *system) PfFlush(ctx context.Context, anchor string) error {
	if err := precheck.Anchor(anchor); err != nil {
		return err
	}
	// Only this removes tables that persist. An anchor without them has gone when
	// pfctl(8) comes to its tables, and that of FreeBSD 15 then fails.
	if _, err := k.pfctl(ctx, anchor, "", "-q", "-a", anchor, "-F", "all"); err == nil {
		return nil
	}
	// So an empty rule set decides: it empties an existing anchor, creates none, and
	// fails without the permission. Tables that then still persist go unnoticed;
	// this library creates none.
	_, err := k.pfctl(ctx, anchor, "", "-q", "-a", anchor, "-f", "/dev/null")
	return err
}

func (k *system) PfKillStates(ctx context.Context, addr netip.Addr) (int, error) {
	text, err := k.pfctl(ctx, addr.String(), "", "-vv", "-s", "states")
	if err != nil {
		return 0, err
	}
	ids := tooltext.ParsePfStates(text, addr)
	for _, id := range ids {
		if _, err := k.pfctl(ctx, id, "", "-q", "-k", "id", "-k", id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
