"""What auctions compute on shares: comparison, ranking, the set of winners, checks of the inputs.

Written in terms of the runtime; knows no auction, no price and no bidder.
"""
