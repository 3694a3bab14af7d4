package sysadm

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/jail"
)

// execjail runs a command. It is split into words here and handed over as such:
// no shell looks at it.
func (s *Server) execjail(ctx context.Context, c *call) (any, error) {
	argv, ok := texts(c.args["command"])
	if !ok {
		return nil, errBadRequest
	}
	if _, one := text(c.args["command"]); one {
		if argv, ok = config.SplitCommand(argv[0]); !ok {
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
	// Both into one, in the order of writing, as the tool's output was.
	var lock sync.Mutex
	var both bytes.Buffer
	stdout := &output{lock: &lock, both: &both, limit: s.limits.Output}
	stderr := &output{lock: &lock, both: &both, limit: s.limits.Output}
	result, err := j.Exec(ctx, argv, jail.ExecOptions{User: c.arg("user"), Stdout: stdout, Stderr: stderr})
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
		// What the shape of 2016 loses: beside it, where it was never documented.
		out["exit_code"] = strconv.Itoa(result.ExitCode)
		out["stdout"], out["stderr"] = stdout.own.String(), stderr.own.String()
	}
	return out, nil
}

// toolLine is a line of output that is an error as it is.
type toolLine string

func (e toolLine) Error() string { return string(e) }

// output keeps the beginning of what a command writes, on its own and together
// with the other stream. The rest is thrown away, so that the command ends.
type output struct {
	lock  *sync.Mutex
	both  *bytes.Buffer
	own   bytes.Buffer
	limit int
}

func (o *output) Write(p []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.own.Write(p[:min(len(p), max(0, o.limit-o.own.Len()))])
	o.both.Write(p[:min(len(p), max(0, o.limit-o.both.Len()))])
	return len(p), nil
}
