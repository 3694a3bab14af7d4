package tooltext

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/libioc/go-libioc/kernel"
	"github.com/libioc/go-libioc/kernel/internal/refusal"
)

// jexecPath and SetfibPath are where the base system has jexec(8) and
// setfib(1).
const (
	jexecPath  = "/usr/sbin/jexec"
	SetfibPath = "/usr/sbin/setfib"
)

// DefaultPath is _PATH_DEFPATH of FreeBSD's paths.h: where execvp(3) looks when
// the environment has no PATH.
const DefaultPath = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

// wrapper runs in the jail where jexec(8) alone cannot do what is asked: change
// the directory, or give exactly the environment that was asked for. $1 is the
// directory, the rest the command. jexec -U and cd add variables, so all are
// unset before the wanted ones, which arrive quoted in one variable. Only
// positional parameters are used when they are set, to hide none of them. Its messages have the
// form of jexec's own. /dev/null may be missing in the jail.
const wrapper = `cd "$1" >&- 2>&- || { printf 'jexec: chdir: %s: No such file or directory\n' "$1" >&2; exit 1; }
shift
set -- "$GO_LIBIOC_ENV" "$@"
while IFS= read -r l; do
	case $l in export\ *) l=${l#export }; l=${l%%=*} ;; *) continue ;; esac
	case $l in ''|*[!A-Za-z0-9_]*) ;; *) unset "$l" ;; esac
done <<EOF
$(export -p)
EOF
unset l
PATH=` + DefaultPath + `
eval "shift; $1"
case $1 in
*/*)
	[ -e "$1" ] || { printf 'jexec: execvp: %s: No such file or directory\n' "$1" >&2; exit 1; }
	[ -x "$1" ] || { printf 'jexec: execvp: %s: Permission denied\n' "$1" >&2; exit 1; } ;;
*)
	[ -n "$(command -v "$1" 2>&-)" ] || { printf 'jexec: execvp: %s: No such file or directory\n' "$1" >&2; exit 1; } ;;
esac
exec "$@"`

// JexecArgs returns jexec(8)'s arguments and environment for a command in a jail.
func JexecArgs(cmd kernel.Command) (argv, env []string, err error) {
	argv = []string{jexecPath}
	if cmd.User != "" {
		if strings.HasPrefix(cmd.User, "-") {
			return nil, nil, &kernel.CallError{Op: "jexec", Subject: cmd.User, Errno: syscall.EINVAL, Msg: "no user name"}
		}
		flag := "-U"
		if cmd.SystemUser {
			flag = "-u"
		}
		argv = append(argv, flag, cmd.User)
	}
	argv = append(argv, strconv.Itoa(cmd.Jail.JID))
	if !needsWrapper(cmd) {
		return append(argv, cmd.Argv...), cmd.Env, nil
	}
	var quoted strings.Builder
	for _, v := range cmd.Env {
		name, value, ok := strings.Cut(v, "=")
		if !ok || !isShellName(name) {
			return nil, nil, &kernel.CallError{Op: "jexec", Subject: v, Errno: syscall.EINVAL, Msg: "a variable of this name cannot be given together with a user or directory"}
		}
		quoted.WriteString("export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
	}
	dir := cmd.Dir
	if dir == "" {
		dir = "/"
	}
	argv = append(argv, "/bin/sh", "-c", wrapper, "sh", dir)
	return append(argv, cmd.Argv...), []string{"GO_LIBIOC_ENV=" + quoted.String()}, nil
}

// needsWrapper reports whether jexec(8) alone would not do: it changes to "/",
// with -U it sets variables of its own, and it is itself a host's program that
// must not be loaded with the LD_ variables meant for the jail, rtld(1).
func needsWrapper(cmd kernel.Command) bool {
	if cmd.User != "" || (cmd.Dir != "" && filepath.ToSlash(filepath.Clean(cmd.Dir)) != "/") {
		return true
	}
	for _, v := range cmd.Env {
		if strings.HasPrefix(v, "LD_") {
			return true
		}
	}
	return false
}

func isShellName(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return s != ""
}

// JexecError turns what jexec(8) prints before it runs a command into an error.
// stderr is all that was written there; jexec ends with status 1 after one line
// of its own. A command that prints the same and exits alike gets the same.
func JexecError(cmd kernel.Command, exit kernel.Exit, stderr string) error {
	line, ok := strings.CutSuffix(stderr, "\n")
	if exit.Code != 1 || !ok || strings.Contains(line, "\n") {
		return nil
	}
	text, ok := strings.CutPrefix(line, "jexec: ")
	if !ok {
		return nil
	}
	what, reason, extended, errno := reasonIn(text)
	if errno != 0 {
		reason = extended // the errno says the rest
	}
	op, subject, hasSubject := strings.Cut(what, ": ")
	switch {
	case hasSubject && (op == "execvp" || op == "chdir"):
		return refusal.NotFound(&kernel.CallError{Op: op, Subject: subject, Errno: errno, Msg: reason})
	case hasSubject && op == "getpwnam": // the jail has no password database
		return refusal.NotFound(&kernel.CallError{Op: op, Subject: subject, Errno: errno, Msg: reason})
	case reason == "no such user":
		return &kernel.CallError{Op: "jexec", Subject: what, Msg: reason, Err: kernel.ErrNotFound}
	case strings.HasPrefix(text, "jail ") && (strings.HasSuffix(text, " not found") || strings.HasSuffix(text, " is dying")):
		return &kernel.JailError{Op: "jail_attach", Name: cmd.Jail.String(), Errno: syscall.ENOENT, Msg: text}
	case strings.HasPrefix(what, "jail_attach("):
		e := &kernel.JailError{Op: "jail_attach", Name: cmd.Jail.String(), Errno: errno, Msg: reason}
		if errno == syscall.EINVAL {
			e.Err, e.Msg = kernel.ErrNotFound, "the jail has ended"
		}
		return e
	}
	return &kernel.CallError{Op: "jexec", Subject: cmd.Jail.String(), Errno: errno, Msg: text}
}
