package jail

import (
	"context"
	"os"
	"strings"

	"github.com/libioc/go-libioc/config"
)

// hookPath is the PATH of every hook and command, as libioc sets it.
const hookPath = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

// Environment is what hooks and commands of the jail get, one "NAME=value"
// each: IOC_<KEY> for every property that has a value, IOC_NAME, HOME, PATH,
// and TERM of this process. With exec_clean off the whole environment of this
// process comes first. What is known only once the jail runs (IOC_JID, JID,
// JNAME, JPATH, IOC_JAIL_PATH) is added then; libioc's env has the text None.
func (j *Jail) Environment() ([]string, error) { return j.hookEnv(nil) }

// hookEnv is the environment with the caller's own variables last.
func (j *Jail) hookEnv(extra map[string]string) ([]string, error) {
	eff := j.effective()
	var env []string
	if !eff.Bool("exec_clean") {
		env = os.Environ()
	} else if term := os.Getenv("TERM"); term != "" {
		env = append(env, "TERM="+term) // jail(8), exec.clean
	}
	for _, p := range config.Properties() {
		text, err := eff.Text(p.Name)
		if err != nil || text == "none" || text == "-" {
			continue
		}
		env = append(env, "IOC_"+strings.ToUpper(strings.ReplaceAll(p.Name, ".", "_"))+"="+text)
	}
	env = append(env, "IOC_NAME="+j.name, "HOME=/root", "PATH="+hookPath)
	for _, key := range sortedKeys(extra) {
		env = append(env, key+"="+extra[key])
	}
	return env, nil
}

// run is what one run of an operation knows besides its journal. None of it is
// written to disk: environments hold secrets, and a terminal ends with its
// process.
type run struct {
	jail *Jail
	// extra are the caller's variables, over those of the configuration.
	extra map[string]string
	// properties take the place of the jail's own.
	properties map[string]string
	// command are the streams of the operation's own command.
	command streams
	// hooks is given to the hooks in the jail instead of capturing their output.
	hooks *os.File
	// outcome is how the operation's own command ended.
	outcome *ExecResult
	// owned is a one-shot jail, which ends with this process on FreeBSD 15.
	owned interface{ Close() error }

	environ []string
}

// release lets go of a one-shot jail that has been removed. A temporary jail of
// package release has no run.
func (r *run) release() error {
	if r == nil || r.owned == nil {
		return nil
	}
	owned := r.owned
	r.owned = nil
	return owned.Close()
}

// environment is that of the operation's hooks. For one that another run began
// it is made anew from the configuration: that run's own variables are gone.
func (e env) environment(ctx context.Context, resumed bool) ([]string, error) {
	if e.run.environ != nil && !resumed {
		return e.run.environ, nil
	}
	j, err := e.run.jail.fresh(ctx)
	if err != nil {
		// A configuration that cannot be read must not keep a jail from being
		// stopped and destroyed.
		return []string{"IOC_NAME=" + e.run.jail.name, "HOME=/root", "PATH=" + hookPath}, nil //nolint:nilerr // see above
	}
	if resumed {
		return j.hookEnv(nil)
	}
	if j, err = j.with(e.run.properties); err != nil {
		return nil, err
	}
	e.run.environ, err = j.hookEnv(e.run.extra)
	return e.run.environ, err
}
