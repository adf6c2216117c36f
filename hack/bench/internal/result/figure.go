// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package result

// Names of scenarios, steps and controllers, which figures refer to.
const (
	Fanout   = "fanout"
	Chain    = "chain"
	Wait     = "wait"
	Monorepo = "monorepo"
	Helm     = "helm"
	Push     = "push"
	Image    = "image"

	FirstApply       = "first apply"
	ChangeAll        = "change all"
	ChangeOne        = "change one"
	Forced           = "forced, nothing changed"
	HandEdit         = "edit by hand"
	Idle             = "idle"
	SickFirst        = "first apply, 6 of 40 sick"
	SickChange       = "change all, 6 of 40 sick"
	FirstFetch       = "first artifact"
	OneLinePush      = "one-line push"
	WholeRun         = "whole run"
	HelmInstall      = "install"
	HelmUpgrade      = "values upgrade"
	HelmWait         = "install and wait, 10 of them, 1 sick"
	HelmWell         = "install and wait, 54 of them"
	HelmSick         = "the same, beside 6 that never get ready"
	PushLive         = "20 pushes"
	NewTag           = "10 new tags"
	SourceName       = "source-controller"
	KustomizeName    = "kustomize-controller"
	HelmName         = "helm-controller"
	NotificationName = "notification-controller"
	ImageName        = "image-automation-controller"
)

// Scenarios lists the names of the scenarios in the order in which they are
// measured and reported.
func Scenarios() []string {
	return []string{Fanout, Chain, Wait, Monorepo, Helm, Push, Image}
}

// Unit is how a figure is written.
type Unit string

// Units of figures. Values are in seconds, bytes or plain.
const (
	Seconds    Unit = "s"
	CPUSeconds Unit = "CPU s"
	Count      Unit = "requests"
	Megabytes  Unit = "MB" // of 1,000,000 bytes
	Times      Unit = "times"
)

// Figure is a value that must be reached (DESIGN, section 6).
type Figure struct {
	// Scenario and Step are where it is measured.
	Scenario string `json:"scenario"`
	Step     string `json:"step"`
	Metric   Metric `json:"metric"`
	// Work is what is done, in words. Figures of the same work follow each other.
	Work string `json:"work"`
	// Name is what is measured, in words.
	Name string `json:"name"`
	Unit Unit   `json:"unit"`
	// Target is what the compatibility target needs, as text with its unit.
	Target string `json:"target,omitempty"`
	// Must is the highest value that is good enough.
	Must float64 `json:"must"`
	// Aim is the value to strive for, 0 if there is none.
	Aim float64 `json:"aim,omitempty"`
}

// Outcome is a figure with what was measured.
type Outcome struct {
	Figure

	// Value is absent when the step waited in vain.
	Value   *float64 `json:"value,omitempty"`
	Reached bool     `json:"reached"`
}

// evaluate holds the steps of a scenario against its figures. A figure of a step
// that was not asked for, such as idle, is left out.
func evaluate(scenario string, steps []Step) []Outcome {
	byName := map[string]Step{}
	for _, step := range steps {
		byName[step.Name] = step
	}
	var outcomes []Outcome
	for _, figure := range Figures() {
		step, measured := byName[figure.Step]
		if figure.Scenario != scenario || !measured {
			continue
		}
		outcome := Outcome{Figure: figure}
		if value, ok := step.Values[figure.Metric]; ok {
			outcome.Value, outcome.Reached = &value, value <= figure.Must
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

// Figures lists what must be reached, in the order of the report.
func Figures() []Figure {
	const megabyte = 1e6
	var list []Figure
	work := func(scenario, step, text string, figures ...Figure) {
		for _, f := range figures {
			f.Scenario, f.Step, f.Work = scenario, step, text
			list = append(list, f)
		}
	}
	work(Fanout, FirstApply, "100 Kustomizations × 10 ConfigMaps, first apply",
		Figure{Metric: Settled, Name: "all settled", Unit: Seconds, Target: "23 s", Must: 10, Aim: 6},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "21.7 CPU s", Must: 6},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "4,100", Must: 2600})
	work(Fanout, ChangeAll, "a push that changes all 1,000 objects",
		Figure{Metric: Settled, Name: "all settled", Unit: Seconds, Target: "29 s", Must: 10, Aim: 6},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "27 CPU s", Must: 6},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "4,000", Must: 2400})
	work(Fanout, ChangeOne, "a push that changes 1 app of 100",
		Figure{Metric: Live, Name: "objects live", Unit: Seconds, Target: "1.2 s", Must: 0.5, Aim: 0.3},
		Figure{Metric: Settled, Name: "all settled", Unit: Seconds, Target: "27 s", Must: 3, Aim: 1},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "27 CPU s", Must: 2},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "2,900", Must: 250})
	work(Fanout, Forced, "forced reconcile of all 100, nothing changed",
		Figure{Metric: Settled, Name: "all answered", Unit: Seconds, Target: "23 s", Must: 2, Aim: 1},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "25 CPU s", Must: 1.5},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "2,900", Must: 120})
	work(Fanout, HandEdit, "a live object edited by hand",
		Figure{Metric: PutBack, Name: "put back, slowest of 5", Unit: Seconds, Target: "next interval (60 min)", Must: 1, Aim: 0.2})
	work(Fanout, Idle, "idle, 100 Kustomizations",
		Figure{Metric: RequestsPerObject, Name: "requests per object and status writes", Unit: Count, Must: 0})
	work(Fanout, WholeRun, "memory of kustomize-controller after all that",
		Figure{Metric: PeakOf(KustomizeName), Name: "peak", Unit: Megabytes, Target: "180 MB", Must: 120 * megabyte, Aim: 80 * megabyte})
	work(Chain, FirstApply, "10 Kustomizations in a dependsOn chain, wait: true",
		Figure{Metric: Settled, Name: "all settled", Unit: Seconds, Target: "270 s", Must: 4, Aim: 2})
	work(Wait, FirstApply, "100 apps of 1 Deployment + 3 ConfigMaps, wait: true, first apply",
		Figure{Metric: Settled, Name: "all settled", Unit: Seconds, Target: "91 s", Must: 12, Aim: 6})
	work(Wait, ChangeAll, "the same, a push that changes all",
		Figure{Metric: Settled, Name: "all settled", Unit: Seconds, Target: "136 s", Must: 12, Aim: 6})
	work(Wait, SickFirst, "40 such apps, 6 of which never get healthy, first apply",
		Figure{Metric: Settled, Name: "the 34 others settled", Unit: Seconds, Target: "173 s", Must: 8, Aim: 4})
	work(Wait, SickChange, "the same, a push that changes all",
		Figure{Metric: Settled, Name: "the 34 others settled", Unit: Seconds, Target: "200 s", Must: 8, Aim: 4})
	work(Monorepo, FirstFetch, "20,000-file Git repository (97 MB packed), first artifact",
		Figure{Metric: Settled, Name: "artifact", Unit: Seconds, Target: "25 s", Must: 20})
	work(Monorepo, OneLinePush, "the same, a one-line push",
		Figure{Metric: Settled, Name: "new artifact", Unit: Seconds, Target: "33.6 s", Must: 2, Aim: 1},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "33 CPU s", Must: 2},
		Figure{Metric: GitBytes, Name: "fetched", Unit: Megabytes, Target: "97 MB", Must: 1 * megabyte})
	work(Monorepo, WholeRun, "memory of source-controller after all that",
		Figure{Metric: PeakOf(SourceName), Name: "peak", Unit: Megabytes, Target: "378 MB", Must: 200 * megabyte})
	work(Helm, HelmInstall, "30 HelmReleases × 10 ConfigMaps of one chart from Git, install",
		Figure{Metric: Settled, Name: "all ready", Unit: Seconds, Target: "8.3 s", Must: 5, Aim: 4},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "2,600", Must: 1400},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "5.0 CPU s", Must: 5})
	work(Helm, Forced, "forced reconcile of all 30, nothing changed",
		Figure{Metric: Settled, Name: "all answered", Unit: Seconds, Target: "1.8 s", Must: 0.6, Aim: 0.3},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "870", Must: 40},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "1.1 CPU s", Must: 0.2})
	work(Helm, HelmUpgrade, "new values for all 30",
		Figure{Metric: Settled, Name: "all ready", Unit: Seconds, Target: "7.7 s", Must: 5, Aim: 4},
		Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: "2,550", Must: 1200},
		Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: "6.2 CPU s", Must: 6.2})
	work(Helm, HelmWait, "10 HelmReleases of 1 Deployment, waiting on, 1 of which never gets ready, install",
		Figure{Metric: Settled, Name: "the 9 others ready", Unit: Seconds, Must: 5})
	work(Helm, HelmSick, "60 such HelmReleases, 6 of which never get ready, install",
		Figure{Metric: Ratio, Name: "the 54 others ready, against the 54 alone", Unit: Times, Must: 1.2})
	work(Helm, WholeRun, "memory of helm-controller after all that",
		Figure{Metric: PeakOf(HelmName), Name: "peak", Unit: Megabytes, Target: "147 MB", Must: 110 * megabyte})
	work(Push, PushLive, "a push, told by a webhook to a Receiver, until the first changed object is live",
		Figure{Metric: LiveP95, Name: "95th percentile", Unit: Seconds, Must: 1})
	work(Image, NewTag, "a new tag in a registry, told by a webhook to a Receiver, until the commit is pushed",
		Figure{Metric: LiveP95, Name: "95th percentile", Unit: Seconds, Must: 3})
	return list
}
