/** Of page and plots. Blue and orange are told apart by colour-blind eyes, and marks differ in shape as well. */
export const PAGE_STYLE = `
  :root {
    --page: #ffffff; --text: #1f2933; --muted: #5b6875; --rule: #e3e8ee; --axis: #8895a3;
    --first: #1d5fc4; --second: #b54708; --right: 29 95 196; --wrong: 230 120 20;
  }
  @media screen and (prefers-color-scheme: dark) {
    :root {
      --page: #11161d; --text: #e6ebf0; --muted: #9aa7b4; --rule: #27303a; --axis: #6b7885;
      --first: #7aa7ff; --second: #ffa657; --right: 74 125 230; --wrong: 214 110 20;
    }
  }
  * { box-sizing: border-box }
  html { -webkit-text-size-adjust: 100% }
  body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif }
  main { max-width: 58rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
  h1, h2 { line-height: 1.2; text-wrap: balance; overflow-wrap: anywhere }
  h1 { font-size: 1.9rem; margin: 0 0 1.25rem }
  h2 { font-size: 1.3rem; margin: 3rem 0 0.75rem; padding-top: 0.9rem; border-top: 1px solid var(--rule) }
  p, ul { max-width: 46rem; margin: 0.6rem 0; overflow-wrap: anywhere }
  li { margin: 0.3rem 0 }
  .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.4rem, 1fr)); gap: 1rem; margin: 0 }
  .facts dt { color: var(--muted); font-size: 0.85rem }
  .facts dd { margin: 0 }
  .facts b { display: block; font-size: 1.35rem; font-weight: 600; line-height: 1.3; white-space: nowrap; font-variant-numeric: tabular-nums }
  .facts span { display: block; line-height: 1.35; color: var(--muted); font-size: 0.8rem }
  figure { margin: 2rem 0 }
  figcaption, caption { color: var(--muted); font-size: 0.9rem; text-align: left; text-wrap: pretty }
  figcaption { max-width: 46rem; margin-top: 0.5rem }
  summary { color: var(--muted); font-size: 0.9rem; cursor: pointer; margin-top: 0.4rem }
  .scroll { overflow-x: auto; margin: 1.75rem 0 }
  table { border-collapse: collapse; min-width: min(100%, 32rem); font-size: 0.9rem; line-height: 1.35 }
  caption { padding-bottom: 0.5rem }
  th, td { padding: 0.28rem 0.9rem 0.28rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); overflow-wrap: break-word }
  thead th { vertical-align: bottom; color: var(--muted); font-weight: 500 }
  tbody th { font-weight: 400; min-width: 9rem; overflow-wrap: anywhere }
  .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
  thead .number { white-space: normal }
  .tinted .number { text-align: center }
  .tinted td { padding: 0.28rem 0.5rem; min-width: 2.2rem; border: 1px solid var(--page) }
  .tinted thead .number { padding: 0 0.5rem 0.3rem; white-space: nowrap }
  .tinted thead .number span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 12rem; overflow: hidden; text-overflow: ellipsis }
  .tinted tbody th { padding-right: 0.9rem; border-bottom-color: var(--page) }
  .zero { color: var(--muted) }
  .right { background: rgb(var(--right) / var(--tint)) }
  .wrong { background: rgb(var(--wrong) / var(--tint)) }
  svg { display: block; max-width: 100%; height: auto; font-size: 13px }
  svg text { fill: var(--text) }
  svg .muted { fill: var(--muted) }
  .grid { stroke: var(--rule) }
  .axis { stroke: var(--axis) }
  .bar { fill: var(--rule) }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .first { stroke: var(--first) }
  .second { stroke: var(--second) }
  .dashed { stroke: var(--axis); stroke-width: 1.5; stroke-dasharray: 5 4 }
  .thin { stroke: var(--second); stroke-width: 1 }
  .first-mark { fill: var(--first) }
  .second-mark { fill: var(--second) }
  @media print {
    body { font-size: 10.5pt }
    main { max-width: none; padding: 0 }
    figure, tr { break-inside: avoid }
    h2 { break-after: avoid }
    .scroll { overflow: visible }
    .tinted { font-size: 7pt }
    details { display: none }
    .right, .wrong, .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  }
`;
