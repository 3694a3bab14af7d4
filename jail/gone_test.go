package jail_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/fstab"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/zfsstore"
)

// A journal whose jail was destroyed by hand refused every later jail of the
// name.
func TestJournalOfADestroyedJailBlockedTheName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	operations := map[string]func(ctx context.Context, j *jail.Jail) error{
		"start": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Start(ctx, jail.StartOptions{})
			return err
		},
		"stop": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Stop(ctx, jail.StopOptions{})
			return err
		},
		"set": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Set(ctx, map[string]string{"exec_prestart": "false", "memoryuse": "1g"}, jail.SetOptions{})
			return err
		},
		"mount": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Mount(ctx, jail.MountOptions{Entries: []fstab.Entry{{Source: "/", Destination: "/media"}}})
			return err
		},
		"template": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.SetTemplate(ctx, jail.TemplateOptions{Template: true})
			return err
		},
		"rename": func(ctx context.Context, j *jail.Jail) error {
			_, err := j.Rename(ctx, jail.RenameOptions{Name: "other"})
			return err
		},
	}
	for name, operate := range operations {
		for _, reboot := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/reboot"}[reboot], func(t *testing.T) {
				h, j := faultHost(t, true)
				for step := 0; ; step++ {
					switch name {
					case "stop", "set", "mount":
						start(t, j)
					}
					err := operate(plan.WithFault(ctx, at(step, "done", plan.ErrCrash)), j)
					if reboot {
						require.NoError(t, h.Reboot())
					}
					if id, err := j.Identity(ctx); err == nil {
						require.NoError(t, h.Kernel.JailRemove(ctx, id))
					}
					mounts, e := h.Mounts(ctx)
					require.NoError(t, e)
					for i := len(mounts) - 1; i >= 0; i-- {
						if mounts[i].Type != "zfs" && mounts[i].Path != "/" {
							require.NoError(t, h.Kernel.UnmountFSID(ctx, mounts[i].FSID, 0))
						}
					}
					for _, dataset := range []string{"zroot/iocage/jails/web", "zroot/iocage/jails/other"} {
						e := h.Store.Destroy(ctx, dataset, zfsstore.DestroyOptions{Recursive: true})
						if e != nil {
							require.ErrorIs(t, e, zfsstore.ErrNotFound)
						}
					}
					if err != nil {
						require.ErrorIs(t, err, plan.ErrCrash)
					}
					_, e = jail.Recover(ctx, h.Host)
					require.NoError(t, e, "step %d", step)
					require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
					j = newJail(t, h, "web", true, map[string]string{"mount_fdescfs": "yes", "exec_prestart": "true"})
					if err == nil {
						break // after the last step
					}
				}
			})
		}
	}
}
