package jail

import (
	"context"

	"github.com/libioc/go-libioc/config/key"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/step"
)

// Where they are mounted, below the root.
const (
	procfsPlace    = "proc"
	linprocfsPlace = "compat/linux/proc"
)

// procfsSteps mount procfs(5) on the jail's /proc and linprocfs(5) on its
// /compat/linux/proc, whose module the host may have to load. libioc has the
// properties and does nothing about them.
func (j *Jail) procfsSteps(ctx context.Context) (steps []plan.Step, err error) {
	eff := j.Effective()
	args := func(fs, at string) step.Mounts {
		return step.Mounts{RootDataset: j.RootDataset(), Mounts: []step.Mount{{Type: fs, From: fs, At: at, Make: true}}}
	}
	if key.MountProcfs.Of(eff) {
		steps = append(steps, plan.StepOf(step.MountProcfs{Mounts: args("procfs", procfsPlace)}))
	}
	if key.MountLinprocfs.Of(eff) {
		loaded, err := j.host.Kernel.ModuleLoaded(ctx, "linprocfs")
		if err != nil {
			return nil, err
		}
		if !loaded {
			steps = append(steps, plan.StepOf(step.LoadModule{Module: "linprocfs", Param: "mount_linprocfs"}))
		}
		steps = append(steps, plan.StepOf(step.MountLinprocfs{Mounts: args("linprocfs", linprocfsPlace)}))
	}
	return steps, nil
}
