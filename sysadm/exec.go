package sysadm

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/internal/shellwords"
	"github.com/libioc/go-libioc/internal/tail"
	"github.com/libioc/go-libioc/jail"
)

// execjail runs a command. It is split into words here and passed on as words,
// without a shell.
func (s *Server) execjail(ctx context.Context, c *call) (any, error) {
	argv, ok := texts(c.args["command"])
	if !ok {
		return nil, errBadRequest
	}
	if _, one := text(c.args["command"]); one {
		var err error
		if argv, err = shellwords.Split(argv[0]); err != nil {
			return nil, toolError("unbalanced quotes in the command")
		}
	}
	if len(argv) == 0 || argv[0] == "" {
		return nil, errMissing
	}
	j, err := s.find(ctx, c, c.jailArg())
	if err != nil {
		return nil, err
	}
	// The beginning is kept, of each stream and of both together in the order of
	// writing, as the tool's output was.
	most := s.limits.Output
	stdout, stderr, both := tail.First(most), tail.First(most), tail.First(most)
	result, err := j.Exec(ctx, argv, jail.ExecOptions{
		User: c.arg("user"), Stdout: io.MultiWriter(stdout, both), Stderr: io.MultiWriter(stderr, both),
	})
	lines := strings.Split(both.String(), "\n")
	for _, line := range lines {
		if strings.Contains(line, "execvp:") {
			return nil, toolLine(line)
		}
	}
	if err != nil {
		return nil, err
	}
	out := object{"success": textObject(lines)}
	if c.api == Dialect2017 {
		// What the shape of 2016 loses, in members that were never documented.
		out["exit_code"] = strconv.Itoa(result.ExitCode)
		out["stdout"], out["stderr"] = stdout.String(), stderr.String()
	}
	return out, nil
}

// toolLine is a line of output that is itself the error's text.
type toolLine string

func (e toolLine) Error() string { return string(e) }
