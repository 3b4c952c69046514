/** Where the page begins. */

import '@fontsource-variable/instrument-sans/index.css'
import { mount } from 'svelte'

import App from './App.svelte'
import './style.css'
import { speak } from './ui/i18n.svelte'

const target = document.getElementById('app')
if (target) {
  await speak()
  target.replaceChildren()
  mount(App, { target })
}
