/** Which page is shown: the address's fragment, so that every party serves one file and none sees where a reader is. */

type Route =
  | { readonly page: 'home' | 'auctions' | 'create' | 'verify' | 'trustees' | 'sign-in' | 'sign-up' | 'unknown' }
  | { readonly page: 'auction'; readonly id: string }

const SIMPLE = ['auctions', 'create', 'verify', 'trustees', 'sign-in', 'sign-up'] as const

export function parseRoute(fragment: string): Route {
  const path = fragment.replace(/^#?\/?/, '').replace(/\/$/, '')
  if (path === '') return { page: 'home' }
  const simple = SIMPLE.find((page) => page === path)
  if (simple) return { page: simple }
  const [, id] = /^auctions\/([0-9a-f]{64})$/.exec(path) ?? []
  return id === undefined ? { page: 'unknown' } : { page: 'auction', id }
}

const place = $state<{ route: Route }>({ route: { page: 'home' } })

export function route(): Route {
  return place.route
}

export function go(path: string): void {
  location.hash = `#/${path}`
}

export function auctionPath(id: string): string {
  return `#/auctions/${id}`
}

/** Follow the address; `onChange` runs after each move to another page. */
export function startRouter(onChange: () => void): void {
  place.route = parseRoute(location.hash)
  addEventListener('hashchange', () => {
    place.route = parseRoute(location.hash)
    onChange()
  })
}
