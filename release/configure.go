package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/internal/rcconf"
	"github.com/libioc/go-libioc/internal/saferoot"
	"github.com/libioc/go-libioc/internal/step"
)

// defaults are what libioc sets in a fetched release: services that make no
// sense in a jail are off.
var defaults = []struct {
	file     string
	settings [][2]string
}{
	{"etc/rc.conf", [][2]string{
		{"netif_enable", "NO"},
		{"sendmail_enable", "NO"},
		{"sendmail_submit_enable", "NO"},
		{"sendmail_msp_queue_enable", "NO"},
		{"sendmail_outbound_enable", "NO"},
		{"cron_flags", "-m ''"},
		{"syslogd_flags", "-ss"},
	}},
	{"etc/periodic.conf", [][2]string{
		{"daily_clean_hoststat_enable", "NO"},
		{"daily_status_mail_rejects_enable", "NO"},
		{"daily_status_include_submit_mailq", "NO"},
		{"daily_submit_queuerun", "NO"},
	}},
	{"etc/sysctl.conf", [][2]string{
		{"net.inet.ip.fw.enable", "0"},
	}},
}

// stepConfigure writes the defaults. Undoing the dataset undoes it.
type stepConfigure struct {
	RootDataset string `json:"root_dataset"`
}

func (stepConfigure) Kind() string { return "configure" }
func (a stepConfigure) Detail() string {
	return "rc.conf, periodic.conf and sysctl.conf of " + a.RootDataset
}

func (stepConfigure) Event(e step.Env) events.IocEvent {
	return events.ReleaseConfiguration{Release: e.Name}
}

func (a stepConfigure) Do(ctx context.Context, e step.Env, _ *plan.Call) error {
	root, err := step.OpenRoot(ctx, e.Host, a.RootDataset)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, d := range defaults {
		if err := setDefaults(root, d.file, d.settings); err != nil {
			return err
		}
	}
	return nil
}

func setDefaults(root *saferoot.Root, file string, settings [][2]string) error {
	data, err := root.ReadFile(file, 1<<20)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var conf *rcconf.File
	if file == "etc/sysctl.conf" {
		conf = rcconf.ParseSysctl(data)
	} else if conf, err = rcconf.Parse(data); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range settings {
		if err := conf.Set(s[0], s[1]); err != nil {
			return err
		}
	}
	return root.WriteFile(file, conf.Bytes(), 0o644)
}
