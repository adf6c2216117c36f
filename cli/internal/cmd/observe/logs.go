// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/weir-gitops/weir/cli/internal/bundle"
	"github.com/weir-gitops/weir/cli/internal/session"
)

const (
	// manager is the container of a controller.
	manager = "manager"
	// maxLineBytes bounds a line of a log. A longer one is an error, not the silent end.
	maxLineBytes = 16 << 20
)

// logs is one run of logs.
type logs struct {
	session *session.Session

	kind, name, level, system string
	all, follow, allPods      bool
	tail                      int64
	since                     time.Duration
	sinceTime                 string

	from  *metav1.Time
	print sync.Mutex // one line at a time
}

func logsCommand(s *session.Session) *cobra.Command {
	l := &logs{session: s}
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show what controllers log about objects",
		Long:  "Shows what the controllers logged about objects of the namespace, line by line, one pod of each controller after the other.",
		Example: "  # Errors about anything\n  weir logs -A --level=error --since=1h\n\n" +
			"  # Follow one applier\n  weir logs --kind=Kustomization --name=apps --follow",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.validate(cmd.Flags()); err != nil {
				return err
			}
			return l.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&l.kind, "kind", "", "show lines about objects of this kind")
	flags.StringVar(&l.name, "name", "", "show lines about objects of this name")
	flags.StringVar(&l.level, "level", "", "show lines of this level: debug, info, error")
	flags.StringVar(&l.system, "flux-namespace", session.SystemNamespace(), "namespace of the controllers")
	flags.BoolVarP(&l.all, "all-namespaces", "A", false, "show lines about every namespace, and those about none")
	flags.BoolVarP(&l.follow, "follow", "f", false, "show new lines of all controllers until interrupted")
	flags.BoolVar(&l.allPods, "all-pods", false, "read every pod of a controller, not only one")
	flags.Int64Var(&l.tail, "tail", -1, "how many lines at the end of each log to look at; -1 is all")
	flags.DurationVar(&l.since, "since", 0, "show lines of this time until now, such as 5m")
	flags.StringVar(&l.sinceTime, "since-time", "", "show lines after this time, in RFC 3339")
	return cmd
}

func (l *logs) validate(flags *pflag.FlagSet) error {
	if levels := []string{"debug", "info", "error"}; l.level != "" && !slices.Contains(levels, l.level) {
		return fmt.Errorf("invalid --level '%s': it has to be one of %s", l.level, strings.Join(levels, ", "))
	}
	if flags.Changed("since") && flags.Changed("since-time") {
		return errors.New("--since and --since-time exclude each other")
	}
	if l.since < 0 {
		return fmt.Errorf("invalid --since '%s': it has to be positive", l.since)
	}
	if flags.Changed("since-time") {
		t, err := time.Parse(time.RFC3339, l.sinceTime)
		if err != nil {
			return fmt.Errorf("invalid --since-time '%s': want a time in RFC 3339, such as 2006-01-02T15:04:05Z", l.sinceTime)
		}
		l.from = &metav1.Time{Time: t}
	}
	return nil
}

func (l *logs) run(ctx context.Context) error {
	limit := l.session.Bounded
	if l.follow {
		limit = l.session.Stream
	}
	ctx, cancel := limit(ctx)
	defer cancel()
	c, err := l.session.Client()
	if err != nil {
		return err
	}
	config, err := l.session.Config()
	if err != nil {
		return err
	}
	pods, err := typedcorev1.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("kubernetes client: %w", err)
	}
	found, err := l.pods(ctx, c)
	if err != nil {
		return err
	}
	return l.each(ctx, found, func(pod *corev1.Pod) error { return l.read(ctx, pods, pod) })
}

// each reads pods one after the other, or side by side when following. What cannot be read is said and the others are read.
func (l *logs) each(ctx context.Context, pods []corev1.Pod, read func(*corev1.Pod) error) error {
	var failed atomic.Bool
	one := func(pod *corev1.Pod) {
		if err := read(pod); err != nil && ctx.Err() == nil {
			l.session.Failure("log of %s: %v", pod.Name, err)
			failed.Store(true)
		}
	}
	var wg sync.WaitGroup
	for i := range pods {
		if l.follow {
			wg.Go(func() { one(&pods[i]) })
		} else {
			one(&pods[i])
		}
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed.Load() {
		return &session.ExitError{Code: 1}
	}
	return nil
}

// pods finds the pods of the installation's controllers: of each controller one, a running one if there is any, or all.
func (l *logs) pods(ctx context.Context, c client.Client) ([]corev1.Pod, error) {
	var controllers appsv1.DeploymentList
	if err := c.List(ctx, &controllers, client.InNamespace(l.system), client.MatchingLabels{bundle.PartOf: bundle.PartOfValue}); err != nil {
		return nil, fmt.Errorf("list deployments: %w", err)
	}
	var found []corev1.Pod
	for i := range controllers.Items {
		selector, err := metav1.LabelSelectorAsSelector(controllers.Items[i].Spec.Selector)
		if err != nil {
			return nil, fmt.Errorf("selector of %s: %w", controllers.Items[i].Name, err)
		}
		var list corev1.PodList
		if err := c.List(ctx, &list, client.InNamespace(l.system), client.MatchingLabelsSelector{Selector: selector}); err != nil {
			return nil, fmt.Errorf("list pods of %s: %w", controllers.Items[i].Name, err)
		}
		pods := list.Items
		if !l.allPods && len(pods) > 0 {
			one := max(0, slices.IndexFunc(pods, func(p corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning }))
			pods = pods[one : one+1]
		}
		found = append(found, pods...)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no pods of controllers found in the %q namespace; --flux-namespace names another", l.system)
	}
	return found, nil
}

// read prints what a pod logged, and when following what it logs.
func (l *logs) read(ctx context.Context, pods typedcorev1.PodsGetter, pod *corev1.Pod) error {
	o := &corev1.PodLogOptions{Follow: l.follow, SinceTime: l.from}
	if len(pod.Spec.Containers) > 1 {
		o.Container = manager
	}
	if l.tail >= 0 {
		o.TailLines = &l.tail
	}
	if l.since > 0 {
		o.SinceSeconds = new(max(int64(l.since.Seconds()), 1))
	}
	stream, err := pods.Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	return l.lines(stream)
}

// lines prints the lines of a log that pass the filters.
func (l *logs) lines(log io.Reader) error {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLineBytes)
	for lines.Scan() {
		e, ok := parseEntry(lines.Bytes())
		if !ok || !l.takes(e) {
			continue
		}
		if err := l.show(e); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (l *logs) show(e entry) error {
	l.print.Lock()
	defer l.print.Unlock()
	_, err := fmt.Fprintln(l.session.Out, e)
	return err
}

func (l *logs) takes(e entry) bool {
	is := func(wanted, value string) bool { return wanted == "" || strings.EqualFold(wanted, value) }
	return is(l.kind, e.Kind) && is(l.name, e.Name) && is(l.level, e.Level) && (l.all || strings.EqualFold(l.session.Namespace, e.Namespace))
}

// entry is a line of a controller's log.
type entry struct {
	Timestamp string `json:"ts"`
	Level     string `json:"level"`
	Message   string `json:"msg"`
	Error     string `json:"error"`
	Kind      string `json:"controllerKind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// parseEntry reads a line; false for one that is no JSON object, as libraries and crashes print them.
func parseEntry(line []byte) (entry, bool) {
	var e entry
	if len(line) == 0 || line[0] != '{' {
		return e, false
	}
	err := json.Unmarshal(line, &e)
	// A field of another type than ours is left out, the others are read.
	if _, otherType := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !otherType {
		return entry{}, false
	}
	return e, true
}

// String is TS LEVEL Kind/name.namespace - MESSAGE ERROR.
func (e entry) String() string {
	parts := []string{e.Timestamp, e.Level}
	if e.Name != "" {
		about := e.Name
		if e.Kind != "" {
			about = e.Kind + "/" + about
		}
		if e.Namespace != "" {
			about += "." + e.Namespace
		}
		parts = append(parts, about)
	}
	parts = append(parts, "-", e.Message)
	if e.Error != "" {
		parts = append(parts, e.Error)
	}
	return strings.Join(parts, " ")
}
