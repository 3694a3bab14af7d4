package events

import "context"

// Collect reads events until the channel is closed, and returns them all with
// the operation's error: that of the last event if it failed, otherwise nil.
// The error is the very value the operation failed with.
//
// If ctx ends first, Collect returns the events so far and the context's cause.
// The operation continues to its end, or to the end of its rollback if it runs
// with the same context. To wait for that, pass context.WithoutCancel(ctx).
func Collect(ctx context.Context, ch <-chan IocEvent) ([]IocEvent, error) {
	var all []IocEvent
	err := each(ctx, ch, func(e IocEvent) { all = append(all, e) })
	return all, err
}

// Wait is [Collect] without the events.
func Wait(ctx context.Context, ch <-chan IocEvent) error {
	return each(ctx, ch, func(IocEvent) {})
}

// Each calls show with each event until the channel is closed, and returns the
// operation's error as [Collect] does.
func Each(ch <-chan IocEvent, show func(IocEvent)) error {
	return each(context.Background(), ch, show)
}

func each(ctx context.Context, ch <-chan IocEvent, show func(IocEvent)) error {
	var last error
	for {
		var e IocEvent
		var ok bool
		select {
		case e, ok = <-ch: // an event that is ready is taken even if ctx has ended
		default:
			select {
			case e, ok = <-ch:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if !ok {
			return last
		}
		show(e)
		last = e.Head().Err
	}
}
