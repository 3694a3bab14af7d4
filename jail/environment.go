package jail

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/step"
)

// Environment returns what hooks and commands of the jail get, one "NAME=value"
// each: IOC_<KEY> for every property that has a value, IOC_NAME, HOME, PATH,
// and TERM of this process. With exec_clean off the whole environment of this
// process comes first. What is known only once the jail runs (IOC_JID, JID,
// JNAME, JPATH, IOC_JAIL_PATH) is added then; libioc's env has the text None.
func (j *Jail) Environment() ([]string, error) { return j.still().hookEnv(nil) }

// hookEnv returns the environment with the caller's own variables last.
func (j *Jail) hookEnv(extra map[string]string) ([]string, error) {
	eff := j.Effective()
	var env []string
	if !key.ExecClean.Of(eff) {
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
	env = append(env, "IOC_NAME="+j.Name(), "HOME=/root", "PATH="+step.HookPath)
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		env = append(env, key+"="+extra[key])
	}
	return env, nil
}

// environ returns the environment of an operation's hooks, with the caller's own
// variables and with properties in place of the jail's own. For an operation that
// another run began it is made anew from the configuration: that run's own
// variables are gone.
func (j *Jail) environ(extra, properties map[string]string) func(context.Context, bool) ([]string, error) {
	var made []string
	return func(ctx context.Context, resumed bool) ([]string, error) {
		if made != nil && !resumed {
			return made, nil
		}
		now, err := j.fresh(ctx)
		if err != nil {
			// A configuration that cannot be read must not keep a jail from being
			// stopped and destroyed.
			return []string{"IOC_NAME=" + j.Name(), "HOME=/root", "PATH=" + step.HookPath}, nil //nolint:nilerr // see above
		}
		if resumed {
			return now.hookEnv(nil)
		}
		if now, err = now.with(properties); err != nil {
			return nil, err
		}
		made, err = now.hookEnv(extra)
		return made, err
	}
}
