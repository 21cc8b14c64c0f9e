BeforeDiscovery {
    $protocols = 'V1', 'V2' | ForEach-Object { @{ Protocol = $_ } }
}

# Collects the secrets of a pairing that is really made, then looks for them wherever they have no business.
Describe 'Secrets stay in (<Protocol>)' -ForEach $protocols {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $homes = [ordered]@{}
        foreach ($name in 'relay', 'host', 'guest') { $homes[$name] = Get-TestHome "$name-$Protocol" }
        $secrets = [System.Collections.Generic.HashSet[string]]::new()

        function Find-Text($Value) {
            # Every text in a JSON document.
            if ($Value -is [string]) { $Value }
            elseif ($Value -is [System.Collections.IDictionary]) { $Value.Values | ForEach-Object { Find-Text $_ } }
            elseif ($Value -is [System.Collections.IEnumerable]) { $Value | ForEach-Object { Find-Text $_ } }
        }

        function Save-Secret {
            # What the spec calls a secret in a pairing's file and in relay.json.
            $names = 'code', 'code_hash', 'sas', 'spake2_seed_b64', 'our_slot_token', 'side_token'
            foreach ($place in $homes.host, $homes.guest) {
                foreach ($file in Get-ChildItem "$place/state/wire/pending-pair" -Filter *.json -ErrorAction Ignore) {
                    $pair = Get-Content -Raw $file.FullName -ErrorAction Ignore | ConvertFrom-Json -AsHashtable
                    if (-not $pair) { continue }
                    $found = @($names | ForEach-Object { $pair[$_] }) + @(Find-Text $pair['secrets']) + @(Find-Text $pair['messages'])
                    $found + @(Find-Text $pair['messages'] | ForEach-Object { $_.Replace('"', '\"') }) | Where-Object { $_ -and $_.Length -ge 6 } | ForEach-Object { $null = $secrets.Add($_) }
                    if ($pair.code) { $null = $secrets.Add((Get-WirePendingPair -Id $pair.id -WireHome $place).Code) }
                    if ($pair.sas) { $null = $secrets.Add($pair.sas.Insert(3, '-')) }
                }

                $routes = Get-Content -Raw "$place/config/wire/relay.json" -ErrorAction Ignore
                [regex]::Matches("$routes", '"slot_token":\s*"([0-9a-f]{64})"') | ForEach-Object { $null = $secrets.Add($_.Groups[1].Value) }
                $key = [System.IO.File]::ReadAllBytes("$place/config/wire/private.key")
                $null = $secrets.Add([convert]::ToBase64String($key))
                $null = $secrets.Add([convert]::ToHexString($key).ToLowerInvariant())
            }
        }

        function Assert-Clean([string] $Text, [string] $Where) {
            foreach ($secret in $secrets) {
                if ($Text.Contains($secret, [System.StringComparison]::OrdinalIgnoreCase)) {
                    # The secret itself does not go into the test's output.
                    throw "$Where holds a secret of $($secret.Length) characters."
                }
            }
        }

        # Every stream of every command, as one text; what the command gives out is kept apart.
        $said = [System.Text.StringBuilder]::new()
        function Invoke-Loud([scriptblock] $Script) {
            $VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
            try {
                & $Script *>&1 | ForEach-Object {
                    if ($_ -is [System.Management.Automation.ErrorRecord]) { Save-Error $_ }
                    elseif ($_ -is [System.Management.Automation.InformationalRecord] -or $_ -is [System.Management.Automation.InformationRecord]) { $null = $said.AppendLine("$_") }
                    else { $_ }
                }
            }
            catch {
                Save-Error $_
            }
        }

        function Save-Error($Record) {
            $script:failures++
            $null = $said.AppendLine(($Record | Out-String)).AppendLine(($Record | Format-List -Property * -Force | Out-String))
            $null = $said.AppendLine(($Record.Exception | Format-List -Property * -Force | Out-String)).AppendLine($Record.Exception.ToString()).AppendLine($Record.CategoryInfo.ToString())
        }

        $script:failures = 0
        $relay = (Start-WireRelay -Port 0 -WireHome $homes.relay).Url
        foreach ($name in 'host', 'guest') {
            $null = Invoke-Loud { Initialize-WireIdentity -Relay $relay -WireHome $homes[$name] }
            Invoke-Loud { Start-WireDaemon -WireHome $homes[$name] }
        }

        $made = Invoke-Loud { New-WirePair -Detach -Protocol $Protocol -WireHome $homes.host }
        Save-Secret
        $joined = Invoke-Loud { New-WirePair -Code $made.Code -Detach -WireHome $homes.guest }
        Save-Secret
        $pair = Invoke-Loud { $made, $joined | Wait-WirePair -For SasReady -Timeout 60 } | Sort-Object { $_.WireHome -ne $homes.host }
        Save-Secret
        $processes = $IsWindows ? '' : ((ps -A -ww -o args=) -join "`n")
        Invoke-Loud { New-WirePair -Code $made.Code -Detach -WireHome $homes.guest }
        Invoke-Loud { New-WirePair -Code ($made.Code + 'A') -Detach -WireHome $homes.guest }
        Invoke-Loud { $pair[0] | Confirm-WirePair -Digits "$($pair[1].Sas)0" }
        Invoke-Loud { $pair[0] | Confirm-WirePair -Digits ([int]$pair[1].Sas) }
        Invoke-Loud { Get-WirePendingPair -WireHome $homes.host | Remove-WirePendingPair }
        Invoke-Loud { $pair[0] | Wait-WirePair -Timeout 0.1 }
        Invoke-Loud { $pair[0] | Stop-WirePair -WhatIf }
        Invoke-Loud { Invoke-WireTick -WireHome $homes.host }
        Invoke-Loud { $pair[0] | Confirm-WirePair -Digits $pair[1].Sas }
        Save-Secret
        Invoke-Loud { $pair[1] | Confirm-WirePair -Digits $pair[0].Sas }
        $null = Invoke-Loud { $pair | Wait-WirePair -Timeout 60 }
        Save-Secret

        # One more that ends with wrong digits, so that its errors are among what was said.
        $second = Connect-TestPair $homes.host $homes.guest -Protocol $Protocol
        Save-Secret
        Invoke-Loud { $second[0] | Confirm-WirePair -Digits ('{0:D6}' -f (([int]$second[1].Sas + 1) % 1000000)) }
        Invoke-Loud { $second[1] | Wait-WirePair -Timeout 60 }
    }

    AfterAll {
        Close-TestHome $homes.Values
    }

    It 'knows what to look for' {
        $secrets.Count | Should -BeGreaterThan 12
        $secrets | Should -Contain $made.Code
        $secrets | Should -Contain $pair[0].Sas
        $said.Length | Should -BeGreaterThan 1000
        $script:failures | Should -BeGreaterOrEqual 8
    }

    It 'says none in verbose, debug, warning, information and errors' {
        Assert-Clean $said.ToString() 'what was said'
    }

    It 'shows none in a process list' -Skip:$IsWindows {
        $processes | Should -BeLike '*Start-WireDaemon*'
        Assert-Clean $processes 'the process list'
    }

    It 'writes none into the journal and the logs' {
        foreach ($place in $homes.Values) {
            foreach ($file in Get-ChildItem $place -Recurse -File -Force | Where-Object Name -Match '^(journal.*|daemon\.(log|out|pid)|relay\.log|relay\.json|used-codes\.json|settings\.json|trust\.json)$' | Where-Object FullName -NotLike '*config*relay.json') {
                Assert-Clean (Get-Content -Raw $file.FullName) $file.FullName
            }
        }
    }

    It 'shows none in ToString(), and none in the views of other objects' {
        Assert-Clean "$($pair[0]) $($made)" 'a pairing as text'
        $others = @(foreach ($name in 'host', 'guest') {
                $at = @{ WireHome = $homes[$name] }
                Get-WirePeer @at; Get-WireJournal @at; Get-WireDaemon @at; Get-WireIdentity @at; Test-WireAuditLog @at; Test-WireRelay @at
            })
        Assert-Clean ($others | ForEach-Object { "$_"; $_ | Format-Table | Out-String -Width 400; $_ | Format-List -Property * | Out-String -Width 400 } | Out-String -Width 500) 'the view of another object'
    }

    It 'keeps none in a file that others can read' -Skip:$IsWindows {
        foreach ($place in $homes.Values) {
            foreach ($item in Get-ChildItem $place -Recurse -Force) {
                ([int]$item.UnixFileMode -band 0x3F) | Should -Be 0 -Because $item.FullName
            }
        }
    }

    It 'keeps none in a pairing object after its end' {
        $ended = Get-WirePendingPair -Id $pair[0].Id -WireHome $homes.host
        $ended.Sas | Should -BeNullOrEmpty
    }
}
