package jail_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/config"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/jail"
)

// Save wrote beside the journal of an interrupted operation, whose undo then put
// the file from before back.
func TestSaveIsNotUndoneByARecovery(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	_, err := j.SetTemplate(plan.WithFault(ctx, at(0, "done", plan.ErrCrash)), jail.TemplateOptions{Template: true})
	require.ErrorIs(t, err, plan.ErrCrash)
	other := loaded(t, ctx, h, "web")
	require.NoError(t, other.Config().Set("notes", "precious"))
	require.NoError(t, other.Save(ctx))
	require.NoFileExists(t, h.JournalPath("ioc", "jail", "web"))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err)
	now := loaded(t, ctx, h, "web")
	notes, err := now.Effective().Text("notes")
	require.NoError(t, err)
	require.Equal(t, "precious", notes)
	require.ErrorIs(t, now.RequireTemplate(), jail.ErrNotTemplate, "the interrupted operation is undone")
}

// Save and Set wrote everything as it was when the jail was loaded: what another
// had saved since was gone without an error.
func TestSaveKeepsWhatOthersSaved(t *testing.T) {
	ctx := context.Background()
	for name, write := range map[string]func(t *testing.T, b *jail.Jail){
		"save": func(t *testing.T, b *jail.Jail) { require.NoError(t, b.Save(ctx)) },
		"set": func(t *testing.T, b *jail.Jail) {
			_, err := b.Set(ctx, map[string]string{"user.c": "3"}, jail.SetOptions{})
			require.NoError(t, err)
		},
		"template": func(t *testing.T, b *jail.Jail) {
			_, err := b.SetTemplate(ctx, jail.TemplateOptions{Template: true})
			require.NoError(t, err)
		},
		"rename": func(t *testing.T, b *jail.Jail) {
			_, err := b.Rename(ctx, jail.RenameOptions{Name: "www"})
			require.NoError(t, err)
		},
	} {
		for _, format := range []config.Format{config.JSON, config.UCL, config.ZFS} {
			t.Run(name+" "+format.String(), func(t *testing.T) {
				h := newHost(t)
				j := newJail(t, h, "web", false, map[string]string{"user.gone": "x"})
				switch format {
				case config.ZFS:
					toProperties(t, h, j)
				case config.UCL:
					c, _, err := j.Config().Convert(config.UCL)
					require.NoError(t, err)
					text, err := c.Encode()
					require.NoError(t, err)
					require.NoError(t, os.Remove(filepath.Join(j.Path(), config.JSONFile)))
					text = append([]byte("# by hand\n"), text...)
					require.NoError(t, os.WriteFile(filepath.Join(j.Path(), config.UCLFile), text, 0o600))
				}
				a, b := loaded(t, ctx, h, "web"), loaded(t, ctx, h, "web")
				own := b.Config()
				require.NoError(t, a.Config().Set("user.a", "1"))
				require.NoError(t, own.Set("user.b", "2"))
				require.True(t, own.Unset("user.gone"))
				require.NoError(t, a.Save(ctx))
				write(t, b)
				require.Same(t, own, b.Config(), "it is still the jail's")
				require.False(t, own.Changed())
				for _, j := range []*jail.Jail{b, loaded(t, ctx, h, b.Name())} {
					require.Equal(t, format, j.Config().Format())
					for key, want := range map[string]string{"user.a": "1", "user.b": "2", "user.gone": "none", "release": testRelease} {
						got, err := j.Effective().Text(key)
						require.NoError(t, err)
						require.Equal(t, want, got, key)
					}
				}
				if format == config.UCL {
					path := filepath.Join(b.Path(), config.UCLFile)
					text, err := os.ReadFile(path)
					require.NoError(t, err)
					require.Contains(t, string(text), "# by hand\n")
					info, err := os.Stat(path)
					require.NoError(t, err)
					require.EqualValues(t, 0o600, info.Mode().Perm())
				}
			})
		}
	}
}

// A save without a change writes nothing, and the changes are kept when it
// fails.
func TestSaveIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	j := newJail(t, h, "web", false, nil)
	before := world(t, h)
	require.NoError(t, j.Save(ctx))
	require.NoError(t, j.Config().Set("notes", "mine"))
	err := j.Save(plan.WithFault(ctx, at(0, "done", errInjected)))
	require.ErrorIs(t, err, errInjected)
	requireSame(t, before, world(t, h))
	require.NoError(t, j.Save(ctx))
	notes, err := loaded(t, ctx, h, "web").Effective().Text("notes")
	require.NoError(t, err)
	require.Equal(t, "mine", notes)
}
