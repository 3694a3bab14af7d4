package step

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/atomicfile"
	"github.com/libioc/go-libioc/internal/network"
	"github.com/libioc/go-libioc/internal/plan"
	"github.com/libioc/go-libioc/kernel"
)

// netRecord is what was set up for a running jail.
type netRecord = network.Record

// NetKey names a jail's record.
type NetKey struct {
	Source string `json:"source"`
	Name   string `json:"name"`
}

// RecordSuffix ends the name of a record's file, after the jail's name.
const RecordSuffix = ".json"

// jail is the jail's name in the kernel, see jail.Identifier.
func (k NetKey) jail() string { return k.Source + "-" + strings.ReplaceAll(k.Name, ".", "*") }

func (k NetKey) path(h *host.Host) string {
	return filepath.Join(h.JournalDir(k.Source, "network"), k.Name+RecordSuffix)
}

// Read returns the record, if there is one. One that cannot be understood is set
// aside, and network.ErrRecord says so once.
func (k NetKey) Read(h *host.Host) (r netRecord, ok bool, err error) {
	return network.ReadRecord(k.path(h), k.jail())
}

// understood is Read for callers that treat a record that cannot be understood like a
// missing one; the host's logger is told.
func (k NetKey) understood(h *host.Host) (r netRecord, ok bool, err error) {
	r, ok, err = k.Read(h)
	if errors.Is(err, network.ErrRecord) {
		h.Logger().Warn(err.Error())
		return netRecord{}, false, nil
	}
	return r, ok, err
}

// Current returns the record unless it is of another boot. One that cannot be
// understood counts as that.
func (k NetKey) Current(ctx context.Context, h *host.Host) (r netRecord, ok bool, err error) {
	r, ok, err = k.understood(h)
	if err != nil || !ok {
		return netRecord{}, false, err
	}
	boot, err := h.Kernel.BootID(ctx)
	if err != nil || boot != r.Boot {
		return netRecord{}, false, err
	}
	return r, true, nil
}

func (k NetKey) write(ctx context.Context, h *host.Host, r netRecord) error {
	if err := plan.WriteFault(ctx); err != nil {
		return err
	}
	return r.Write(k.path(h))
}

// spare passes over a record that a full or read-only disk keeps from being written,
// where something is taken away: an address may stay on the host, but no jail runs on.
func spare(err error) error {
	if atomicfile.Unwritable(err) {
		return nil
	}
	return err
}

// Remove removes the record; one that is gone is no error. One that cannot be
// understood is set aside instead.
func (k NetKey) Remove(h *host.Host) error {
	if _, _, err := k.understood(h); err != nil {
		return err
	}
	return network.RemoveRecord(k.path(h))
}

// Ended writes down that the jail's run has ended without a stop, and that nothing is
// left of it. The record goes with the next stop, or reboot.
func (k NetKey) Ended(ctx context.Context, h *host.Host, jail string) error {
	boot, err := h.Kernel.BootID(ctx)
	if err != nil {
		return err
	}
	return k.write(ctx, h, netRecord{Boot: boot, Spec: network.Spec{Jail: jail}})
}

// NetKeys returns the keys of the records of all sources.
func NetKeys(ctx context.Context, h *host.Host) ([]NetKey, error) {
	sources, err := h.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var keys []NetKey
	for _, s := range sources {
		entries, err := os.ReadDir(h.JournalDir(s.Name, "network"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), RecordSuffix); ok {
				keys = append(keys, NetKey{s.Name, name})
			}
		}
	}
	return keys, nil
}

// NetTable returns what the jails of the host have of its network, by their records.
func NetTable(ctx context.Context, h *host.Host) (network.Table, error) {
	keys, err := NetKeys(ctx, h)
	if err != nil {
		return nil, err
	}
	boot, err := h.Kernel.BootID(ctx)
	if err != nil {
		return nil, err
	}
	t := network.Table{}
	for _, key := range keys {
		r, ok, err := key.understood(h)
		if err != nil {
			return nil, err
		}
		if ok && r.Boot == boot {
			t[r.Spec.Jail] = r
		}
	}
	return t, nil
}

// UsedAddresses returns the addresses of all running jails but one, by jail.
func UsedAddresses(ctx context.Context, k kernel.Kernel, but string) (map[netip.Addr][]string, error) {
	used := map[netip.Addr][]string{}
	for p, err := range k.JailList(ctx, 0, "ip4.addr", "ip6.addr") {
		if err != nil {
			return nil, err
		}
		name := p.String("name")
		if name == but {
			continue
		}
		for _, a := range append(p.Addrs("ip4.addr", 4), p.Addrs("ip6.addr", 16)...) {
			used[a] = append(used[a], name)
		}
	}
	return used, nil
}

// LockNetwork keeps operations of several jails apart on what they share of the host's
// network: the records, addresses, bridges, names and units of interfaces, rules and
// anchors. While it is held nothing is run in a jail, whose programs may never end.
func LockNetwork(ctx context.Context, h *host.Host) (func(), error) {
	return h.Lock(ctx, "network/records", "network", host.BusyWait)
}

// LockedNetwork calls do while LockNetwork's lock is held.
func LockedNetwork(ctx context.Context, h *host.Host, do func() error) error {
	unlock, err := LockNetwork(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

// releaseAliases is ReleaseAliases in an operation. Its own jail runs if it could not be
// removed.
func releaseAliases(ctx context.Context, e Env, c *plan.Call, jail string, list []network.Alias) error {
	id, runs, err := find(ctx, e, jail)
	if err != nil {
		return err
	}
	return ReleaseAliases(ctx, e.Host, jail, runs && c.Saw(jailSeen(id)), list)
}

// ReleaseAliases removes addresses that were added for a jail. What another jail uses, by
// the kernel or by its record, stays and is written down as that jail's to remove. If the
// jail does not run, a jail of its name is another's. The caller holds LockNetwork's lock.
func ReleaseAliases(ctx context.Context, h *host.Host, jail string, runs bool, list []network.Alias) error {
	if len(list) == 0 {
		return nil
	}
	but := ""
	if runs {
		but = jail
	}
	used, err := UsedAddresses(ctx, h.Kernel, but)
	if err != nil {
		return err
	}
	table, err := NetTable(ctx, h)
	if err != nil {
		return err
	}
	for _, a := range list {
		addr := a.Prefix.Addr()
		used[addr] = append(used[addr], table.Users(addr, jail)...) // which may be about to start
	}
	kept, err := network.RemoveAliases(ctx, h.Kernel, list, func(a netip.Addr) bool { return len(used[a]) > 0 })
	if err != nil || len(kept) == 0 {
		return err
	}
	keys, err := NetKeys(ctx, h)
	if err != nil {
		return err
	}
	for _, key := range keys {
		r, ok, err := key.Current(ctx, h)
		if err != nil || !ok || r.Spec.Jail == jail {
			continue
		}
		more := false
		for _, a := range kept {
			if slices.Contains(used[a.Prefix.Addr()], r.Spec.Jail) && !slices.Contains(r.Added, a) {
				r.Added, more = append(r.Added, a), true
			}
		}
		if more {
			if err := spare(key.write(ctx, h, r)); err != nil {
				return err
			}
		}
	}
	return nil
}
